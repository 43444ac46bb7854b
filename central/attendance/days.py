"""Recomputing attendance days: read all facts, conclude in Python, write what changed.

Whoever concludes holds the school's lock together with others, and each student's alone; whoever
changes what decides the days of many, such as the calendar, holds the school's lock alone. So
nobody concludes from facts that another transaction is about to change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance import facts, passage_rules, rules
from central.attendance.facts import Day
from central.attendance.passage_rules import Passage
from central.attendance.rules import DayConclusion

# Apart from the advisory locks of others; a clash would only make somebody wait.
_SCHOOL_LOCKS: Final = 0x7A8 << 48
_STUDENT_LOCKS: Final = 0x7A9 << 48

# One after the other as they are listed, so that two transactions cannot wait for each other.
_LOCK_STUDENTS = text("""
    SELECT count(*) FROM (
        SELECT CASE WHEN key < :students THEN pg_advisory_xact_lock_shared(key)
            ELSE pg_advisory_xact_lock(key) END
        FROM unnest(CAST(:keys AS bigint[])) AS key
    ) AS locked
""")
_LOCK_SCHOOL = text("SELECT count(*) FROM (SELECT pg_advisory_xact_lock(:key)) AS locked")

# Days about which something may be known. A day without taps is touched by an absence, by a
# correction or by its closing; a row that is there may have lost its reason to be.
_TOUCHED = """
    SELECT student_id, on_date FROM taps
    WHERE school_id = :school_id AND on_date BETWEEN :from_on AND :until_on
        AND student_id IS NOT NULL {these}
    UNION
    SELECT student_id, on_date FROM attendance_days
    WHERE school_id = :school_id AND on_date BETWEEN :from_on AND :until_on {these}
    UNION
    SELECT student_id, on_date FROM day_corrections
    WHERE school_id = :school_id AND on_date BETWEEN :from_on AND :until_on
        AND kind = 'set_status' AND state IN ('applied', 'approved') {these}
    UNION
    SELECT e.student_id, c.on_date
    FROM day_closings c JOIN enrolments e ON e.school_id = c.school_id
        AND e.from_on <= c.on_date AND (e.until_on IS NULL OR e.until_on >= c.on_date)
    WHERE c.school_id = :school_id AND c.on_date BETWEEN :from_on AND :until_on {these}
    UNION
    SELECT a.student_id, CAST(day AS date)
    FROM absence_requests a CROSS JOIN generate_series(
        CAST(greatest(a.from_on, :from_on) AS timestamp),
        CAST(least(a.until_on, :until_on) AS timestamp), interval '1 day') AS day
    WHERE a.school_id = :school_id AND a.status = 'approved' AND a.kind = 'absence'
        AND a.from_on <= :until_on AND a.until_on >= :from_on {these}
"""
_TOUCHED_IN_SCHOOL = text(_TOUCHED.format(these=""))
_TOUCHED_OF_STUDENTS = text(
    _TOUCHED.format(these="AND student_id = ANY (CAST(:student_ids AS bigint[]))")
)

_ENROLLED = text("""
    SELECT DISTINCT student_id FROM enrolments
    WHERE school_id = :school_id AND course_id = ANY (CAST(:course_ids AS bigint[]))
        AND from_on <= :until_on AND (until_on IS NULL OR until_on >= :from_on)
""")

_WRITE = text("""
    INSERT INTO attendance_days AS old
        (school_id, student_id, on_date, status, first_entry_at, last_exit_at, inside,
         minutes_late, passages, confidence, method)
    SELECT * FROM unnest(
        CAST(:school_ids AS bigint[]), CAST(:student_ids AS bigint[]), CAST(:dates AS date[]),
        CAST(:statuses AS text[]), CAST(:entries AS timestamptz[]), CAST(:exits AS timestamptz[]),
        CAST(:inside AS boolean[]), CAST(:minutes_late AS integer[]),
        CAST(:passages AS integer[]), CAST(:confidences AS text[]), CAST(:methods AS text[]))
    ON CONFLICT (school_id, on_date, student_id) DO UPDATE
    SET status = excluded.status, first_entry_at = excluded.first_entry_at,
        last_exit_at = excluded.last_exit_at, inside = excluded.inside,
        minutes_late = excluded.minutes_late, passages = excluded.passages,
        confidence = excluded.confidence, method = excluded.method
    WHERE (old.status, old.first_entry_at, old.last_exit_at, old.inside, old.minutes_late,
           old.passages, old.confidence, old.method)
        IS DISTINCT FROM (excluded.status, excluded.first_entry_at, excluded.last_exit_at,
           excluded.inside, excluded.minutes_late, excluded.passages, excluded.confidence,
           excluded.method)
""")

_DELETE = text("""
    DELETE FROM attendance_days a
    USING unnest(CAST(:school_ids AS bigint[]), CAST(:student_ids AS bigint[]),
                 CAST(:dates AS date[])) AS d (school_id, student_id, on_date)
    WHERE a.school_id = d.school_id AND a.student_id = d.student_id AND a.on_date = d.on_date
""")


@dataclass(frozen=True, slots=True)
class Concluded:
    """The passages of each day, the days begun late, and how many rows are other than before."""

    passages: dict[Day, list[Passage]]
    late: frozenset[Day]
    changed: int


def recompute(
    session: Session, touched: Collection[Day], zones: Mapping[int, ZoneInfo]
) -> Concluded:
    """Bring these attendance days up to their facts, and say which passages each day has.

    ``zones`` are the schools' time zones. No other transaction can change a fact of these days
    between the reading and the commit. The number of statements does not depend on the days.
    """
    if not touched:
        return Concluded({}, frozenset(), 0)
    lock_students(session, {(school_id, student_id) for school_id, student_id, _ in touched})
    return conclude(session, touched, zones)


def conclude(
    session: Session, touched: Collection[Day], zones: Mapping[int, ZoneInfo]
) -> Concluded:
    """``recompute`` for a caller that holds the lock of the students or of the school."""
    if not touched:
        return Concluded({}, frozenset(), 0)
    passages: dict[Day, list[Passage]] = {}
    conclusions: list[tuple[Day, DayConclusion]] = []
    silent: list[Day] = []
    for day, known in facts.load(session, touched, zones):
        passages[day] = passage_rules.passages(rules.counted_taps(known))
        conclusion = rules.conclude_passages(passages[day], known)
        if conclusion is None:
            silent.append(day)
        else:
            conclusions.append((day, conclusion))
    late = frozenset(day for day, conclusion in conclusions if conclusion.minutes_late)
    return Concluded(passages, late, _write(session, conclusions) + _delete(session, silent))


def lock_students(session: Session, students: Collection[tuple[int, int]]) -> None:
    """Let no other transaction conclude about these (school, student), until the commit."""
    schools = {school_id for school_id, _ in students}
    keys = [_SCHOOL_LOCKS + school_id for school_id in sorted(schools)]
    keys += [_STUDENT_LOCKS + student_id for _, student_id in sorted(students, key=_by_student)]
    session.execute(_LOCK_STUDENTS, {"keys": keys, "students": _STUDENT_LOCKS})


def lock_school(session: Session, school_id: int) -> None:
    """Let no other transaction conclude about anybody in the school, until the commit."""
    session.execute(_LOCK_SCHOOL, {"key": _SCHOOL_LOCKS + school_id})


def students_of(
    session: Session, school_id: int, course_ids: Collection[int], from_on: date, until_on: date
) -> list[int]:
    """Who belongs to one of these courses on some date of the span."""
    span = {"school_id": school_id, "from_on": from_on, "until_on": until_on}
    return list(session.scalars(_ENROLLED, {**span, "course_ids": list(course_ids)}))


def touched_of_students(
    session: Session, school_id: int, student_ids: Collection[int], from_on: date, until_on: date
) -> set[Day]:
    """The days of these students, both dates included, about which something may be known."""
    span = {"school_id": school_id, "from_on": from_on, "until_on": until_on}
    rows = session.execute(_TOUCHED_OF_STUDENTS, {**span, "student_ids": list(student_ids)})
    return {(school_id, student_id, on_date) for student_id, on_date in rows}


def touched_in_school(session: Session, school_id: int, from_on: date, until_on: date) -> set[Day]:
    """The days of everybody, both dates included, about which something may be known."""
    span = {"school_id": school_id, "from_on": from_on, "until_on": until_on}
    rows = session.execute(_TOUCHED_IN_SCHOOL, span)
    return {(school_id, student_id, on_date) for student_id, on_date in rows}


def _write(session: Session, days: Sequence[tuple[Day, DayConclusion]]) -> int:
    if not days:
        return 0
    conclusions = [conclusion for _, conclusion in days]
    written = session.connection().execute(
        _WRITE,
        {
            **facts.columns(day for day, _ in days),
            "statuses": [one.status for one in conclusions],
            "entries": [one.first_entry_at for one in conclusions],
            "exits": [one.last_exit_at for one in conclusions],
            "inside": [one.inside for one in conclusions],
            "minutes_late": [one.minutes_late for one in conclusions],
            "passages": [one.passages for one in conclusions],
            "confidences": [one.confidence for one in conclusions],
            "methods": [one.method for one in conclusions],
        },
    )
    return written.rowcount


def _delete(session: Session, days: Sequence[Day]) -> int:
    if not days:
        return 0
    return session.connection().execute(_DELETE, facts.columns(days)).rowcount


def _by_student(student: tuple[int, int]) -> int:
    return student[1]
