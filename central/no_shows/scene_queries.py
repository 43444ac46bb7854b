"""What is known of the gates at a moment, and when which courses begin: for schools at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.calendar.queries import calendars
from central.calendar.rules import Hours, effective_schedule, moment
from central.no_shows import statements
from central.no_shows.rules import ARRIVALS_BEFORE, DeviceNow, Policy

# Holes count where taps came in today: what an old stream lacks says nothing of this morning.
_DEVICES: Final = text("""
    SELECT d.school_id, d.id AS device_id, d.gate_id, g.name AS gate, d.online,
        d.status_received_at AS status_at, s.last_tap_at, d.health_at, d.backlog,
        coalesce(s.missing_taps, 0)::integer AS missing_taps, o.from_at AS out_since
    FROM devices d
    JOIN gates g ON g.school_id = d.school_id AND g.id = d.gate_id
    LEFT JOIN LATERAL (
        SELECT max(s.last_received_at) AS last_tap_at,
            sum(upper(s.received) - 1 - (
                SELECT sum(upper(run) - lower(run)) FROM unnest(s.received) AS run
            )) FILTER (WHERE s.last_received_at >= :since) AS missing_taps
        FROM streams s WHERE s.school_id = d.school_id AND s.device_id = d.id
    ) s ON true
    LEFT JOIN gate_outages o ON o.school_id = d.school_id AND o.gate_id = d.gate_id
        AND o.until_at IS NULL
    WHERE d.school_id = ANY (CAST(:school_ids AS bigint[])) AND d.kind = 'gate'
        AND d.revoked_at IS NULL
    ORDER BY d.school_id, d.id
""")
_SERVING: Final = text("""
    SELECT course_id, array_agg(gate_id) FROM gate_courses WHERE school_id = :school_id
    GROUP BY course_id
""")
_SCHOOLS: Final = text("""
    SELECT s.id, s.timezone, p.grace_minutes, p.most_absent_percent, p.silent_after_minutes,
        p.ask_first
    FROM schools s LEFT JOIN alert_policies p ON p.school_id = s.id
    WHERE s.id = ANY (CAST(:school_ids AS bigint[]))
""")
_COURSES: Final = text("""
    SELECT school_id, id FROM courses WHERE school_id = ANY (CAST(:school_ids AS bigint[]))
""")
_A_DAY: Final = timedelta(hours=24)


class Start(NamedTuple):
    """Courses of a school that begin at one time of a date.

    ``late`` has (student, course) of those for whom this is the time, although their courses began
    before: they were to come later.
    """

    school_id: int
    on_date: date
    begins_at: datetime
    course_ids: tuple[int, ...]
    policy: Policy
    late: tuple[tuple[int, int], ...] = ()

    @property
    def due_at(self) -> datetime:
        return self.begins_at + self.policy.grace


@dataclass(frozen=True, slots=True)
class Morning:
    """The starts of the schools' own today, and from when to when each school has class."""

    starts: tuple[Start, ...]
    hours: Mapping[int, tuple[datetime, datetime]]  # by school
    schools: Mapping[int, tuple[ZoneInfo, Policy]]

    def in_session(self, school_id: int, now: datetime) -> bool:
        """Whether students may be coming, or are in class."""
        if school_id not in self.hours:
            return False
        first, last = self.hours[school_id]
        return first - ARRIVALS_BEFORE <= now <= last


def devices_now(
    session: Session, school_ids: Collection[int], now: datetime
) -> dict[int, list[DeviceNow]]:
    """By school, the devices at its gates; ``now`` bounds how old a hole may be."""
    found: dict[int, list[DeviceNow]] = defaultdict(list)
    rows = session.execute(_DEVICES, {"school_ids": list(school_ids), "since": now - _A_DAY})
    for school_id, *device in rows:
        found[school_id].append(DeviceNow(*device))
    return found


def gates_serving(session: Session, school_id: int) -> dict[int, frozenset[int]]:
    """By course the gates that serve it; a course without any here is served by all."""
    rows = session.execute(_SERVING, {"school_id": school_id})
    return {course_id: frozenset(gates) for course_id, gates in rows}


def policies(
    session: Session, school_ids: Collection[int], grace: timedelta
) -> dict[int, tuple[ZoneInfo, Policy]]:
    """By school its time zone and policy; ``grace`` is for those that have not set their own."""
    found = {}
    for row in session.execute(_SCHOOLS, {"school_ids": list(school_ids)}):
        policy = Policy(grace)
        if row.most_absent_percent is not None:  # the school has a row
            own = row.grace_minutes
            policy = Policy(
                grace if own is None else timedelta(minutes=own),
                row.most_absent_percent,
                timedelta(minutes=row.silent_after_minutes),
                row.ask_first,
            )
        found[row.id] = (ZoneInfo(row.timezone), policy)
    return found


def morning_of(
    session: Session, school_ids: Collection[int], now: datetime, grace: timedelta
) -> Morning:
    """When which courses begin on the schools' today. Takes the same statements for any number."""
    schools = policies(session, school_ids, grace)
    courses: dict[date, list[tuple[int, int]]] = defaultdict(list)
    for school_id, course_id in session.execute(_COURSES, {"school_ids": list(school_ids)}):
        courses[now.astimezone(schools[school_id][0]).date()].append((school_id, course_id))
    starts: dict[tuple[int, date, datetime], list[int]] = defaultdict(list)
    hours: dict[int, tuple[datetime, datetime]] = {}
    for on_date, keys in courses.items():
        found = calendars(session, keys, [on_date])
        for school_id, course_id in keys:
            day = effective_schedule(found[school_id], course_id, on_date)
            if isinstance(day, Hours):
                first, last = _span(day, on_date, schools[school_id][0])
                starts[school_id, on_date, first].append(course_id)
                earliest, latest = hours.get(school_id, (first, last))
                hours[school_id] = (min(first, earliest), max(last, latest))
    return Morning(
        tuple(
            Start(school_id, on_date, begins_at, tuple(sorted(ids)), schools[school_id][1])
            for (school_id, on_date, begins_at), ids in sorted(starts.items())
        ),
        hours,
        schools,
    )


def late_starts(session: Session, morning: Morning, now: datetime) -> list[Start]:
    """By school, those who were to come later, by now, and have not: of courses with class today.

    They are missed now, so now is their start. Takes one statement for any number of schools.
    """
    begun: dict[int, set[int]] = defaultdict(set)
    dates: dict[int, date] = {}
    for start in morning.starts:
        if start.due_at <= now and morning.in_session(start.school_id, now):
            begun[start.school_id].update(start.course_ids)
            dates[start.school_id] = start.on_date
    if not begun:
        return []
    clocks = [_clock(on_date, *morning.schools[id_], now) for id_, on_date in dates.items()]
    rows = session.execute(
        statements.LATE_DUE,
        {"school_ids": list(dates), "dates": list(dates.values()), "clocks": clocks},
    )
    late: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for school_id, course_id, student_id in rows:
        if course_id in begun[school_id]:
            late[school_id].append((student_id, course_id))
    return [
        Start(
            *(id_, dates[id_], now, tuple(sorted({course for _, course in missed}))),
            policy=morning.schools[id_][1],
            late=tuple(missed),
        )
        for id_, missed in late.items()
    ]


def _clock(on_date: date, zone: ZoneInfo, policy: Policy, now: datetime) -> time:
    """What the school's wall clock showed when the grace began that ends now."""
    began = (now - policy.grace).astimezone(zone)
    return began.time() if began.date() == on_date else time.min


def _span(day: Hours, on_date: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return moment(on_date, day.starts_at, zone), moment(on_date, day.ends_at, zone)
