"""Loading what decides attendance days: the same few statements for one day or ten thousand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance import rules
from central.attendance.passage_rules import DayTap
from central.attendance.rules import Correction, DayFacts, Schedule
from central.calendar.queries import calendars
from central.calendar.rules import (
    Hours,
    NoClass,
    SchoolCalendar,
    effective_schedule,
    moment,
)

Day = tuple[int, int, date]  # school, student, local date
CourseDay = tuple[int, int, date]  # school, course, local date
Outage = tuple[datetime, datetime | None]

_NOT_ENROLLED = NoClass("not_enrolled")
_NO_CALENDAR = SchoolCalendar()

_DAYS = text("""
    SELECT d.school_id, d.student_id, d.on_date, e.course_id, c.on_date IS NOT NULL,
        t.tapped_at, t.direction, t.gate_id, t.clock, t.card_kind, t.stream_id, t.seq,
        t.reader, t.doubt
    FROM unnest(CAST(:school_ids AS bigint[]), CAST(:student_ids AS bigint[]),
                CAST(:dates AS date[])) AS d (school_id, student_id, on_date)
    LEFT JOIN enrolments e ON e.school_id = d.school_id AND e.student_id = d.student_id
        AND e.from_on <= d.on_date AND (e.until_on IS NULL OR e.until_on >= d.on_date)
    LEFT JOIN day_closings c ON c.school_id = d.school_id AND c.on_date = d.on_date
    LEFT JOIN taps t ON t.school_id = d.school_id AND t.student_id = d.student_id
        AND t.on_date = d.on_date
""")

# What was decided about one student: an excuse, or a correction that counts. Day by day, whatever
# the statistics say: OFFSET 0 keeps the planner from reading all of a school's to find a few.
_DECIDED = text("""
    SELECT d.school_id, d.student_id, d.on_date, o.*
    FROM unnest(CAST(:school_ids AS bigint[]), CAST(:student_ids AS bigint[]),
                CAST(:dates AS date[])) AS d (school_id, student_id, on_date)
    CROSS JOIN LATERAL (
        SELECT a.kind AS excused, a.id, NULL AS kind, NULL AS status, NULL::integer AS minutes_late,
            NULL::bigint AS stream_id, NULL::bigint AS seq
        FROM absence_requests a
        WHERE a.school_id = d.school_id AND a.student_id = d.student_id
            AND d.on_date BETWEEN a.from_on AND a.until_on AND a.status = 'approved'
        UNION ALL
        SELECT NULL, c.id, c.kind, c.status, c.minutes_late, c.stream_id, c.seq
        FROM day_corrections c
        WHERE c.school_id = d.school_id AND c.student_id = d.student_id
            AND c.on_date = d.on_date AND c.state IN ('applied', 'approved')
        OFFSET 0
    ) AS o
""")

_OUTAGES = text("""
    SELECT c.school_id, c.course_id, o.from_at, o.until_at
    FROM unnest(CAST(:school_ids AS bigint[]), CAST(:course_ids AS bigint[]))
        AS c (school_id, course_id)
    JOIN gate_outages o ON o.school_id = c.school_id
    WHERE o.from_at < :until_at AND (o.until_at IS NULL OR o.until_at > :from_at)
        AND (EXISTS (SELECT FROM gate_courses s
                     WHERE s.school_id = c.school_id AND s.course_id = c.course_id
                        AND s.gate_id = o.gate_id)
             OR NOT EXISTS (SELECT FROM gate_courses s
                            WHERE s.school_id = c.school_id AND s.course_id = c.course_id))
""")


@dataclass(slots=True)
class _Raw:
    """What the tables say of one day."""

    course_id: int | None
    closed: bool
    taps: list[DayTap] = field(default_factory=list)
    excused: set[str] = field(default_factory=set)
    corrections: list[Correction] = field(default_factory=list)


def load(
    session: Session, touched: Collection[Day], zones: Mapping[int, ZoneInfo]
) -> Iterator[tuple[Day, DayFacts]]:
    """The facts of these days, in their order. ``zones`` are the schools' time zones."""
    raw = _read(session, touched)
    courses = {
        (school_id, one.course_id, on_date)
        for (school_id, _, on_date), one in raw.items()
        if one.course_id is not None
    }
    expected = _expected(session, courses, zones)
    doubtful = _doubtful(session, _unseen(raw), expected)
    for day in sorted(raw):
        one = raw[day]
        course_day = (day[0], one.course_id or 0, day[2])
        yield (
            day,
            DayFacts(
                expected=expected.get(course_day, _NOT_ENROLLED),
                taps=tuple(one.taps),
                excused=frozenset(one.excused),
                corrections=tuple(one.corrections),
                closed=one.closed,
                data_ok=course_day not in doubtful,
            ),
        )


def columns(days: Iterable[Day]) -> dict[str, list[Any]]:
    """Days as the arrays from which a statement unnests them."""
    listed = list(days)
    return {
        "school_ids": [school_id for school_id, _, _ in listed],
        "student_ids": [student_id for _, student_id, _ in listed],
        "dates": [on_date for _, _, on_date in listed],
    }


def _read(session: Session, touched: Collection[Day]) -> dict[Day, _Raw]:
    days: dict[Day, _Raw] = {}
    parameters = columns(touched)
    for row in session.execute(_DAYS, parameters):
        day = (row[0], row[1], row[2])
        if day not in days:
            days[day] = _Raw(row[3], row[4])
        if row[5] is not None:
            days[day].taps.append(DayTap._make(row[5:]))
    for school_id, student_id, on_date, excused, *correction in session.execute(
        _DECIDED, parameters
    ):
        one = days[school_id, student_id, on_date]
        if excused is not None:
            one.excused.add(excused)
        else:
            one.corrections.append(Correction._make(correction))
    return days


def _expected(
    session: Session, course_days: Collection[CourseDay], zones: Mapping[int, ZoneInfo]
) -> dict[CourseDay, Schedule | NoClass]:
    found = calendars(
        session,
        {(school_id, course_id) for school_id, course_id, _ in course_days},
        {on_date for _, _, on_date in course_days},
    )
    return {
        (school_id, course_id, on_date): _at_school(
            effective_schedule(found.get(school_id, _NO_CALENDAR), course_id, on_date),
            on_date,
            zones[school_id],
        )
        for school_id, course_id, on_date in course_days
    }


def _at_school(hours: Hours | NoClass, on_date: date, zone: ZoneInfo) -> Schedule | NoClass:
    if isinstance(hours, NoClass):
        return hours
    return Schedule(
        moment(on_date, hours.starts_at, zone),
        moment(on_date, hours.ends_at, zone),
        timedelta(minutes=hours.tolerance_minutes),
    )


def _unseen(raw: Mapping[Day, _Raw]) -> set[CourseDay]:
    """The closed days of courses from which somebody was not seen: only there doubt matters."""
    return {
        (school_id, one.course_id, on_date)
        for (school_id, _, on_date), one in raw.items()
        if one.closed and one.course_id is not None and _may_be_unseen(one)
    }


def _may_be_unseen(one: _Raw) -> bool:
    """Whether every tap may be set aside, if there is any."""
    return bool(not one.taps or one.corrections or any(tap.doubt for tap in one.taps))


def _doubtful(
    session: Session,
    course_days: Collection[CourseDay],
    expected: Mapping[CourseDay, Schedule | NoClass],
) -> set[CourseDay]:
    """Of these days of courses those in whose morning taps may be missing."""
    schedules = {
        day: schedule for day in course_days if isinstance(schedule := expected[day], Schedule)
    }
    if not schedules:
        return set()
    outages = _outages(session, schedules)
    return {
        day
        for day, schedule in schedules.items()
        if not rules.data_ok(schedule, outages[day[0], day[1]])
    }


def _outages(
    session: Session, schedules: Mapping[CourseDay, Schedule]
) -> Mapping[tuple[int, int], list[Outage]]:
    courses = {(school_id, course_id) for school_id, course_id, _ in schedules}
    starts = [schedule.begins_at for schedule in schedules.values()]
    rows = session.execute(
        _OUTAGES,
        {
            "school_ids": [school_id for school_id, _ in courses],
            "course_ids": [course_id for _, course_id in courses],
            "from_at": min(starts) - rules.ARRIVE_BEFORE,
            "until_at": max(starts) + rules.ARRIVE_AFTER,
        },
    )
    outages: dict[tuple[int, int], list[Outage]] = defaultdict(list)
    for school_id, course_id, from_at, until_at in rows:
        outages[school_id, course_id].append((from_at, until_at))
    return outages
