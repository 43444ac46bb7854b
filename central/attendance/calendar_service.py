"""Changing the calendar as a school does: with the days concluded anew, and who did it kept.

Each function takes the school's lock first, so that no tap is concluded by the old calendar while
the new one is being written.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from central.accounts.service import record
from central.attendance import calendar_queries, days
from central.attendance.service import refresh_course_days, refresh_school_days
from central.calendar import service
from central.calendar.models import CalendarException
from central.calendar.planning_rules import NewException, NewWeek, NewYear
from central.calendar.rules import Span
from central.errors import Conflict
from central.notifications.notice_service import Notice, queue_notice


@dataclass(frozen=True, slots=True)
class Added:
    """The rows of a new exception, and how many days are other than before."""

    exceptions: tuple[CalendarException, ...]
    changed_days: int


def set_year(session: Session, school_id: int, new: NewYear, by: int) -> int:
    """Tell a school year and its terms. Returns how many days are other than before."""
    days.lock_school(session, school_id)
    touched = service.put_year(session, school_id, new)
    terms = [[name, *_iso(span)] for name, span in new.terms]
    detail = {"dates": _iso(new.span), "terms": terms}
    record(session, school_id, by, "set_school_year", f"school_year:{new.year}", detail)
    return refresh_school_days(session, school_id, *touched)


def add_exception(
    session: Session, school_id: int, new: NewException, by: int, *, now: datetime
) -> Added:
    """Put an exception into the calendar, and conclude its days by it."""
    days.lock_school(session, school_id)
    added = service.add_exception(session, school_id, new, by, now=now)
    for one in added:
        record(session, school_id, by, "added_exception", _subject(one), _detail(one))
    changed = _refresh(session, school_id, new.course_ids, new.span)
    return Added(tuple(added), changed)


def cancel_exception(
    session: Session, school_id: int, exception_id: int, by: int, *, now: datetime
) -> int:
    """Take an exception back. Returns how many days are other than before."""
    days.lock_school(session, school_id)
    one = service.cancel_exception(session, school_id, exception_id, by, now=now)
    record(session, school_id, by, "cancelled_exception", _subject(one), _detail(one))
    return _refresh(session, school_id, _scope(one), Span(one.from_on, one.until_on))


def restore_exception(
    session: Session, school_id: int, exception_id: int, by: int, *, now: datetime
) -> Added:
    """Undo a cancelling: an exception like the cancelled one, which stays cancelled."""
    one = service.one_exception(session, school_id, exception_id)
    if one.cancelled_at is None:
        raise Conflict("not_cancelled")
    span = Span(one.from_on, one.until_on)
    new = NewException(one.kind, span, one.reason, _scope(one), one.starts_at, one.ends_at)
    return add_exception(session, school_id, new, by, now=now)


def set_week(session: Session, school_id: int, new: NewWeek, by: int, *, today: date) -> int:
    """Tell the weekly hours of courses from a date on. Returns how many days are other."""
    days.lock_school(session, school_id)
    if not service.put_week(session, school_id, new, today=today):
        return 0
    week = {
        str(weekday): hours and [*map(str, hours[:2]), hours.tolerance_minutes]
        for weekday, hours in new.hours.items()
    }
    for course_id in new.course_ids:
        detail = {"from_on": new.from_on.isoformat(), "week": week}
        record(session, school_id, by, "set_weekly_hours", f"course:{course_id}", detail)
    return refresh_course_days(session, school_id, new.course_ids, new.from_on, date.max)


def tell_families(
    session: Session,
    school_id: int,
    exceptions: Collection[CalendarException],
    by: int,
    *,
    now: datetime,
) -> int:
    """Send word of new exceptions to the families concerned; how many messages are queued.

    Repeating tells nobody twice.
    """
    told = 0
    for one in exceptions:
        span = Span(one.from_on, one.until_on)
        students = calendar_queries.students_concerned(session, school_id, _scope(one), span)
        notice = Notice("calendar_change", one.from_on, now, ordinal=one.id)
        queued = queue_notice(session, school_id, students, notice, now=now)
        record(session, school_id, by, "told_exception", _subject(one), {"messages": queued})
        told += queued
    return told


def _refresh(session: Session, school_id: int, course_ids: Collection[int], span: Span) -> int:
    if course_ids:
        return refresh_course_days(session, school_id, course_ids, *span)
    return refresh_school_days(session, school_id, *span)


def _scope(one: CalendarException) -> tuple[int, ...]:
    return () if one.course_id is None else (one.course_id,)


def _subject(one: CalendarException) -> str:
    return f"calendar_exception:{one.id}"


def _detail(one: CalendarException) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "dates": [one.from_on.isoformat(), one.until_on.isoformat()],
        "course": one.course_id,
        "hours": [at and at.isoformat("minutes") for at in (one.starts_at, one.ends_at)],
        "reason": one.reason,
    }


def _iso(span: Span) -> list[str]:
    return [span.starts_on.isoformat(), span.ends_on.isoformat()]
