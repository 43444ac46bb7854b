"""Closing a day: everybody's day is concluded, seen or not, and what is left open is flagged.

No exit is invented: who was inside at the closing stays inside until a person says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance.service import refresh_school_days
from central.calendar.queries import calendars
from central.calendar.rules import Hours, effective_schedule
from central.tasks.service import NewTask, dismiss_older, open_task

OPEN_DAY: Final = "day_open"
# After midnight, when a tap at 23:59 has had time to arrive.
CLOSES_AT: Final = time(0, 30)
# A scheduler that was away for a long week-end makes up for it.
DAYS_BACK: Final = 7
# After some days nobody remembers when a child left. The list of closed days still shows it.
ASKED_FOR: Final = timedelta(days=3)

_CLOSE: Final = text("""
    INSERT INTO day_closings (school_id, on_date, closed_at, closed_by)
    VALUES (:school_id, :on_date, :now, :by) ON CONFLICT DO NOTHING RETURNING 1
""")
_COUNT: Final = text("""
    SELECT status, count(*) AS students, count(*) FILTER (WHERE inside) AS inside
    FROM attendance_days WHERE school_id = :school_id AND on_date = :on_date GROUP BY status
""")
_SUMMARY: Final = text("""
    UPDATE day_closings SET summary = CAST(:summary AS jsonb)
    WHERE school_id = :school_id AND on_date = :on_date
""")
_ZONES: Final = text("""
    SELECT s.id, s.timezone FROM schools s WHERE s.id = ANY (CAST(:school_ids AS bigint[]))
""")
_COURSES: Final = text("""
    SELECT school_id, id FROM courses WHERE school_id = ANY (CAST(:school_ids AS bigint[]))
""")
_CLOSED: Final = text("""
    SELECT school_id, on_date FROM day_closings
    WHERE school_id = ANY (CAST(:school_ids AS bigint[])) AND on_date >= :since
""")
_TAPPED: Final = text("""
    SELECT DISTINCT school_id, on_date FROM attendance_days
    WHERE school_id = ANY (CAST(:school_ids AS bigint[])) AND on_date >= :since AND passages > 0
""")


class OpenDate(NamedTuple):
    """A date of a school that is over and not closed."""

    school_id: int
    on_date: date


def close_day(
    session: Session, school_id: int, on_date: date, *, now: datetime, by: int | None = None
) -> dict[str, Any] | None:
    """Close a date; ``by`` None is the system. Returns its summary, None if it was closed before.

    Taps, absences and corrections that come later still change its days.
    """
    which = {"school_id": school_id, "on_date": on_date}
    if session.scalar(_CLOSE, {**which, "now": now, "by": by}) is None:
        return None
    refresh_school_days(session, school_id, on_date, on_date)
    counts = session.execute(_COUNT, which).all()
    summary = {
        "students": {row.status: row.students for row in counts},
        "inside": sum(row.inside for row in counts),
    }
    session.execute(_SUMMARY, {**which, "summary": _json(summary)})
    dismiss_older(session, school_id, OPEN_DAY, on_date - ASKED_FOR, now=now)
    if summary["inside"]:
        reasons = [{"code": "inside_at_closing", "students": summary["inside"]}]
        open_task(session, school_id, NewTask(OPEN_DAY, on_date, {}, reasons), now=now)
    return summary


def dates_to_close(
    session: Session, school_ids: Collection[int], *, now: datetime
) -> list[OpenDate]:
    """The dates of the last week that are over, had class or passages, and are not closed.

    The session must have entered the schools; takes a few statements for any number of them.
    """
    which = {"school_ids": list(school_ids)}
    zones = {row.id: ZoneInfo(row.timezone) for row in session.execute(_ZONES, which)}
    since = {**which, "since": now.astimezone(UTC).date() - timedelta(days=DAYS_BACK + 1)}
    closed = {OpenDate(*row) for row in session.execute(_CLOSED, since)}
    over = {
        OpenDate(school_id, on_date)
        for school_id, zone in zones.items()
        for on_date in _dates_over(now.astimezone(zone))
    } - closed
    tapped = {OpenDate(*row) for row in session.execute(_TAPPED, since)}
    return sorted((over & tapped) | _with_class(session, over - tapped))


def _dates_over(local: datetime) -> list[date]:
    last = local.date() - timedelta(days=1 if local.time() >= CLOSES_AT else 2)
    return [last - timedelta(days=back) for back in range(DAYS_BACK)]


def _with_class(session: Session, dates: Collection[OpenDate]) -> set[OpenDate]:
    if not dates:
        return set()
    schools = sorted({one.school_id for one in dates})
    courses = [
        (row.school_id, row.id) for row in session.execute(_COURSES, {"school_ids": schools})
    ]
    found = calendars(session, courses, sorted({one.on_date for one in dates}))
    return {
        OpenDate(school_id, on_date)
        for school_id, on_date in dates
        if any(
            isinstance(effective_schedule(found[school_id], course_id, on_date), Hours)
            for of_school, course_id in courses
            if of_school == school_id
        )
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)
