"""Recomputing attendance days from their taps: read all, conclude in Python, write what changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance import rules
from central.attendance.rules import DayConclusion, DayTap, Passage, Schedule

Day = tuple[int, int, date]  # school, student, local date

# Apart from the advisory locks of others; a clash would only make somebody wait.
_LOCK_SPACE = 0x7A9 << 48

_LOCK = text("""
    SELECT count(*) FROM (
        SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key
    ) AS locked
""")

_TOUCHED = text("""
    SELECT school_id, student_id, on_date FROM taps
    WHERE school_id = :school_id AND student_id = ANY (CAST(:student_ids AS bigint[]))
        AND on_date BETWEEN :from_on AND :until_on
    GROUP BY school_id, student_id, on_date
""")

_READ = text("""
    SELECT d.school_id, d.student_id, d.on_date, h.starts_at, h.tolerance_minutes,
        t.tapped_at, t.direction, t.gate_id, t.clock, t.card_kind, t.stream_id, t.seq
    FROM unnest(CAST(:school_ids AS bigint[]), CAST(:student_ids AS bigint[]),
                CAST(:dates AS date[])) AS d (school_id, student_id, on_date)
    JOIN students s ON s.school_id = d.school_id AND s.id = d.student_id
    LEFT JOIN course_schedules h ON h.school_id = s.school_id AND h.course_id = s.course_id
        AND h.weekday = extract(isodow FROM d.on_date)
    JOIN taps t ON t.school_id = d.school_id AND t.student_id = d.student_id
        AND t.on_date = d.on_date
""")

_WRITE = text("""
    INSERT INTO attendance_days AS old
        (school_id, student_id, on_date, status, first_entry_at, last_exit_at, inside,
         minutes_late, passages, confidence)
    SELECT * FROM unnest(
        CAST(:school_ids AS bigint[]), CAST(:student_ids AS bigint[]), CAST(:dates AS date[]),
        CAST(:statuses AS text[]), CAST(:entries AS timestamptz[]), CAST(:exits AS timestamptz[]),
        CAST(:inside AS boolean[]), CAST(:minutes_late AS integer[]),
        CAST(:passages AS integer[]), CAST(:confidences AS text[]))
    ON CONFLICT (school_id, on_date, student_id) DO UPDATE
    SET status = excluded.status, first_entry_at = excluded.first_entry_at,
        last_exit_at = excluded.last_exit_at, inside = excluded.inside,
        minutes_late = excluded.minutes_late, passages = excluded.passages,
        confidence = excluded.confidence
    WHERE (old.status, old.first_entry_at, old.last_exit_at, old.inside, old.minutes_late,
           old.passages, old.confidence)
        IS DISTINCT FROM (excluded.status, excluded.first_entry_at, excluded.last_exit_at,
           excluded.inside, excluded.minutes_late, excluded.passages, excluded.confidence)
""")


@dataclass(slots=True)
class _Facts:
    schedule: Schedule | None
    taps: list[DayTap]


def recompute(
    session: Session, touched: Collection[Day], zones: Mapping[int, ZoneInfo]
) -> dict[Day, list[Passage]]:
    """Bring these attendance days up to their taps, and say which passages each day has.

    ``zones`` are the schools' time zones. No other transaction can change the taps of these
    students between the reading and the commit.
    """
    if not touched:
        return {}
    _lock_students(session, {student_id for _, student_id, _ in touched})
    passages: dict[Day, list[Passage]] = {}
    conclusions: list[tuple[Day, DayConclusion]] = []
    for day, facts in sorted(_read(session, touched, zones).items()):
        passages[day] = rules.passages(facts.taps)
        conclusions.append((day, rules.conclude_passages(passages[day], facts.schedule)))
    _write(session, conclusions)
    return passages


def touched(
    session: Session, school_id: int, student_ids: Collection[int], from_on: date, until_on: date
) -> list[Day]:
    """The days of these students, from one date to another, about which something is known."""
    _lock_students(session, student_ids)
    rows = session.execute(
        _TOUCHED,
        {
            "school_id": school_id,
            "student_ids": list(student_ids),
            "from_on": from_on,
            "until_on": until_on,
        },
    )
    return [(school, student, on_date) for school, student, on_date in rows]


def _lock_students(session: Session, student_ids: Iterable[int]) -> None:
    """In the order of their ids, so that two transactions cannot wait for each other."""
    keys = [_LOCK_SPACE + student_id for student_id in sorted(student_ids)]
    session.execute(_LOCK, {"keys": keys})


def _read(
    session: Session, touched: Iterable[Day], zones: Mapping[int, ZoneInfo]
) -> dict[Day, _Facts]:
    facts: dict[Day, _Facts] = {}
    for school, student, on_date, starts_at, tolerance, *tap in session.execute(
        _READ, _columns(touched)
    ):
        day = (school, student, on_date)
        if day not in facts:
            schedule = starts_at and Schedule(
                rules.first_bell(on_date, starts_at, zones[school]), timedelta(minutes=tolerance)
            )
            facts[day] = _Facts(schedule, [])
        facts[day].taps.append(DayTap._make(tap))
    return facts


def _write(session: Session, days: list[tuple[Day, DayConclusion]]) -> None:
    conclusions = [conclusion for _, conclusion in days]
    session.execute(
        _WRITE,
        {
            **_columns(day for day, _ in days),
            "statuses": [one.status for one in conclusions],
            "entries": [one.first_entry_at for one in conclusions],
            "exits": [one.last_exit_at for one in conclusions],
            "inside": [one.inside for one in conclusions],
            "minutes_late": [one.minutes_late for one in conclusions],
            "passages": [one.passages for one in conclusions],
            "confidences": [one.confidence for one in conclusions],
        },
    )


def _columns(days: Iterable[Day]) -> dict[str, list[int] | list[date]]:
    listed = list(days)
    return {
        "school_ids": [school_id for school_id, _, _ in listed],
        "student_ids": [student_id for _, student_id, _ in listed],
        "dates": [on_date for _, _, on_date in listed],
    }
