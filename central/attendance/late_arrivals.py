"""Who was reported missing and has come after all: it is noted, and who was alarmed is told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance.facts import Day, columns

# Locked in one order, which the alert keeps too, so that the two cannot wait for each other.
_CAME: Final = text("""
    WITH came AS (
        SELECT n.school_id, n.on_date, n.student_id, d.first_entry_at,
            coalesce(d.first_entry_at, d.last_exit_at) AS came_at
        FROM unnest(CAST(:school_ids AS bigint[]), CAST(:student_ids AS bigint[]),
                    CAST(:dates AS date[])) AS k (school_id, student_id, on_date)
        JOIN no_shows n ON n.school_id = k.school_id AND n.on_date = k.on_date
            AND n.student_id = k.student_id AND n.arrived_at IS NULL
        JOIN attendance_days d ON d.school_id = k.school_id AND d.on_date = k.on_date
            AND d.student_id = k.student_id AND d.passages > 0
        ORDER BY n.school_id, n.on_date, n.student_id FOR UPDATE OF n
    )
    UPDATE no_shows n SET arrived_at = came.came_at,
        state = CASE WHEN n.state = 'held' THEN 'cleared' ELSE n.state END,
        resolution = coalesce(n.resolution, 'arrived'),
        resolved_at = coalesce(n.resolved_at, :now)
    FROM came
    WHERE n.school_id = came.school_id AND n.on_date = came.on_date
        AND n.student_id = came.student_id
    RETURNING n.school_id, n.student_id, n.on_date, n.state, came.first_entry_at
""")

# Exactly those who have a message that the student is missing, whatever they else want to know.
_TELL: Final = text("""
    INSERT INTO notifications
        (school_id, student_id, guardian_id, kind, on_date, ordinal, fact_at, gate_id, due_at)
    SELECT a.school_id, a.student_id, a.guardian_id, 'arrived_after_alert', a.on_date, 1,
        c.entered_at, seen.gate_id, :now
    FROM unnest(CAST(:school_ids AS bigint[]), CAST(:student_ids AS bigint[]),
                CAST(:dates AS date[]), CAST(:times AS timestamptz[]))
         AS c (school_id, student_id, on_date, entered_at)
    JOIN notifications a ON a.school_id = c.school_id AND a.student_id = c.student_id
        AND a.on_date = c.on_date AND a.kind = 'absence'
    CROSS JOIN LATERAL (
        SELECT t.gate_id FROM taps t
        WHERE t.school_id = c.school_id AND t.on_date = c.on_date
            AND t.student_id = c.student_id AND t.tapped_at = c.entered_at
        ORDER BY t.gate_id LIMIT 1
    ) seen
    ORDER BY a.student_id, a.guardian_id
    ON CONFLICT DO NOTHING
    RETURNING school_id
""")


def settle(
    session: Session, days: Collection[Day], quiet: Collection[Day] = (), *, now: datetime
) -> list[int]:
    """Note which of these (school, student, date) were missed and have come, and tell of it.

    Call it when the days are concluded. Whoever was told that a student is missing is told once
    that the student came, however late the gate delivers the tap; of the ``quiet`` days it is noted
    and not told. Returns the school of each message queued. Repeating changes nothing.
    """
    if not days:
        return []
    rows = session.execute(_CAME, {**columns(sorted(days)), "now": now}).all()
    alarmed = [
        row
        for row in rows
        if row.state == "told"
        and row.first_entry_at is not None
        and (row.school_id, row.student_id, row.on_date) not in quiet
    ]
    if not alarmed:
        return []
    # a statement of its own: it must see what an alert has queued that it had to wait for
    told = session.execute(
        _TELL,
        {
            "school_ids": [row.school_id for row in alarmed],
            "student_ids": [row.student_id for row in alarmed],
            "dates": [row.on_date for row in alarmed],
            "times": [row.first_entry_at for row in alarmed],
            "now": now,
        },
    ).all()
    return [school_id for (school_id,) in told]
