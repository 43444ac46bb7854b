"""The set-based statements of the no-shows. Each handles a whole school, or all of them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

# Whoever has been seen at all today has come, an exit without an entry too. Who is not to come at
# all, or later than now, is no news to the family.
_SEEN: Final = "coalesce(d.passages > 0 OR d.status IN ('present', 'late', 'left_early'), false)"
_EXCUSED: Final = """(coalesce(d.status IN ('justified', 'no_class'), false) OR EXISTS (
        SELECT FROM absence_requests a
        WHERE a.school_id = :school_id AND a.student_id = s.student_id AND a.status = 'approved'
            AND :on_date BETWEEN a.from_on AND a.until_on AND (a.kind = 'absence'
                OR a.kind = 'late' AND a.comes_at > (
                    SELECT CAST(CAST(:now AS timestamptz) AT TIME ZONE z.timezone AS time)
                    FROM schools z WHERE z.id = :school_id))
    ))"""
_DAY: Final = """LEFT JOIN attendance_days d ON d.school_id = :school_id
        AND d.on_date = :on_date AND d.student_id = s.student_id"""

# One look at a school's students who begin at one time: who is expected, who is not there.
FIND: Final = text(f"""
    WITH expected AS (
        SELECT s.student_id, s.course_id, {_SEEN} AS seen
        FROM enrolments s {_DAY}
        WHERE s.school_id = :school_id AND s.course_id = ANY (CAST(:course_ids AS bigint[]))
            AND s.from_on <= :on_date AND (s.until_on IS NULL OR s.until_on >= :on_date)
            AND NOT {_EXCUSED}
    ), found AS (
        INSERT INTO no_shows (school_id, on_date, student_id, course_id, begins_at, found_at)
        SELECT :school_id, :on_date, student_id, course_id, :begins_at, :now
        FROM expected WHERE NOT seen ORDER BY student_id
        ON CONFLICT DO NOTHING
    )
    SELECT course_id, count(*) AS expected, count(*) FILTER (WHERE NOT seen) AS missing
    FROM expected GROUP BY course_id ORDER BY course_id
""")  # noqa: S608  (fixed parts of this file)

# Who was to come later, is not there by now, and is not missed yet; "now" is what the school's wall
# clock showed when the grace began. Who was noticed first and excused then is missed anew.
LATE_DUE: Final = text(f"""
    SELECT a.school_id, s.course_id, a.student_id
    FROM unnest(CAST(:school_ids AS bigint[]), CAST(:dates AS date[]), CAST(:clocks AS time[]))
        AS k (school_id, on_date, clock)
    JOIN absence_requests a ON a.school_id = k.school_id AND a.kind = 'late'
        AND a.status = 'approved' AND k.on_date BETWEEN a.from_on AND a.until_on
    JOIN enrolments s ON s.school_id = a.school_id AND s.student_id = a.student_id
        AND s.from_on <= k.on_date AND (s.until_on IS NULL OR s.until_on >= k.on_date)
    LEFT JOIN attendance_days d ON d.school_id = a.school_id AND d.on_date = k.on_date
        AND d.student_id = a.student_id
    LEFT JOIN no_shows n ON n.school_id = a.school_id AND n.on_date = k.on_date
        AND n.student_id = a.student_id
    WHERE NOT {_SEEN} AND NOT coalesce(d.status IN ('justified', 'no_class'), false)
        AND (n.student_id IS NULL OR n.state = 'cleared' AND n.resolution = 'excused')
    GROUP BY a.school_id, s.course_id, a.student_id, k.clock
    HAVING max(a.comes_at) <= k.clock
    ORDER BY a.school_id, a.student_id
""")  # noqa: S608  (fixed parts of this file)
MISS_LATE: Final = text("""
    INSERT INTO no_shows AS old (school_id, on_date, student_id, course_id, begins_at, found_at)
    SELECT :school_id, :on_date, l.student_id, l.course_id, :begins_at, :now
    FROM unnest(CAST(:student_ids AS bigint[]), CAST(:course_ids AS bigint[]))
        AS l (student_id, course_id)
    ORDER BY l.student_id
    ON CONFLICT (school_id, on_date, student_id) DO UPDATE SET course_id = excluded.course_id,
        begins_at = excluded.begins_at, found_at = excluded.found_at, state = 'held',
        resolution = NULL, resolved_at = NULL
    WHERE old.state = 'cleared' AND old.resolution = 'excused'
""")

# Those held, and whether they have come or were excused since. In the order in which ingest locks
# them, and apart from the change: as one statement the planner takes them for one row.
HELD: Final = text(f"""
    SELECT s.student_id, coalesce(d.first_entry_at, d.last_exit_at) AS came_at,
        CASE WHEN s.resolution IS NOT NULL THEN s.resolution WHEN {_SEEN} THEN 'arrived'
            WHEN {_EXCUSED} THEN 'excused' END AS resolution
    FROM no_shows s {_DAY}
    WHERE s.school_id = :school_id AND s.on_date = :on_date AND s.begins_at = :begins_at
        AND s.course_id = ANY (CAST(:course_ids AS bigint[])) AND s.state = 'held'
    ORDER BY s.school_id, s.on_date, s.student_id FOR UPDATE OF s
""")  # noqa: S608  (fixed parts of this file)

SETTLE_HELD: Final = text("""
    UPDATE no_shows n SET
        state = CASE WHEN k.resolution IS NULL THEN 'told' ELSE 'cleared' END,
        told_at = CASE WHEN k.resolution IS NULL THEN CAST(:now AS timestamptz) END,
        resolution = k.resolution,
        resolved_at = CASE WHEN k.resolution IS NOT NULL THEN coalesce(n.resolved_at, :now) END,
        arrived_at = CASE WHEN k.resolution = 'arrived' THEN k.came_at END
    FROM unnest(CAST(:student_ids AS bigint[]), CAST(:resolutions AS text[]),
                CAST(:times AS timestamptz[])) AS k (student_id, resolution, came_at)
    WHERE n.school_id = :school_id AND n.on_date = :on_date AND n.student_id = k.student_id
""")

# How a held check stands now: by course, those held who are still not there.
STILL_MISSING: Final = text(f"""
    SELECT s.course_id, count(*) FILTER (WHERE NOT {_SEEN} AND NOT {_EXCUSED}) AS missing
    FROM no_shows s {_DAY}
    WHERE s.school_id = :school_id AND s.on_date = :on_date AND s.begins_at = :begins_at
        AND s.state = 'held'
    GROUP BY s.course_id
""")  # noqa: S608  (fixed parts of this file)

# How many the courses expect, for the share of those who are missing.
EXPECTED: Final = text(f"""
    SELECT s.course_id, count(*) AS expected, count(*) FILTER (WHERE NOT {_SEEN}) AS missing
    FROM enrolments s {_DAY}
    WHERE s.school_id = :school_id AND s.course_id IN (
            SELECT course_id FROM no_shows n WHERE n.school_id = :school_id
            AND n.on_date = :on_date AND n.begins_at = :begins_at)
        AND s.from_on <= :on_date AND (s.until_on IS NULL OR s.until_on >= :on_date)
        AND NOT {_EXCUSED}
    GROUP BY s.course_id
""")  # noqa: S608  (fixed parts of this file)

DISMISS: Final = text("""
    UPDATE no_shows SET state = 'dismissed'
    WHERE school_id = :school_id AND on_date = :on_date AND begins_at = :begins_at
        AND course_id = ANY (CAST(:course_ids AS bigint[])) AND state = 'held'
    RETURNING student_id
""")

# Approved since: the family has told us what we would have told them.
EXCUSE: Final = text("""
    UPDATE no_shows n SET resolution = 'excused', resolved_at = :now,
        state = CASE WHEN n.state = 'held' THEN 'cleared' ELSE n.state END
    FROM attendance_days d
    WHERE n.school_id = ANY (CAST(:school_ids AS bigint[])) AND n.on_date = ANY (:dates)
        AND n.resolution IS NULL AND d.school_id = n.school_id AND d.on_date = n.on_date
        AND d.student_id = n.student_id AND d.status = 'justified'
    RETURNING n.school_id
""")

# Who has come without that whoever recorded it has seen that they were missed: for the moment in
# which a tap and the check do not see each other's rows.
OVERLOOKED: Final = text("""
    SELECT n.school_id, n.student_id, n.on_date FROM no_shows n
    JOIN attendance_days d ON d.school_id = n.school_id AND d.on_date = n.on_date
        AND d.student_id = n.student_id AND d.passages > 0
    WHERE n.school_id = ANY (CAST(:school_ids AS bigint[])) AND n.on_date = ANY (:dates)
        AND n.arrived_at IS NULL
""")
