"""Changing the calendar as a school does: with the days concluded anew, and who did it kept.

Each function takes the school's lock first, so that no tap is concluded by the old calendar while
the new one is being written. Only days whose hours become other are concluded anew, so a change of
a whole year costs what it changes and can be made while somebody waits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from central.accounts.service import record
from central.attendance import calendar_queries, days
from central.attendance.facts import Day
from central.attendance.service import refresh_course_days, refresh_known_days, refresh_school_days
from central.calendar import service
from central.calendar.models import CalendarException
from central.calendar.planning_rules import Change, NewException, NewWeek, NewYear, changes
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
    known = days.touched_in_school(session, school_id, date.min, date.max)
    dates = sorted({on_date for _, _, on_date in known})
    before, courses = calendar_queries.calendar_on(session, school_id, dates)
    service.put_year(session, school_id, new)
    terms = [[name, *_iso(span)] for name, span in new.terms]
    detail = {"dates": _iso(new.span), "terms": terms}
    record(session, school_id, by, "set_school_year", f"school_year:{new.year}", detail)
    after, _ = calendar_queries.calendar_on(session, school_id, dates)
    changed = _dates(changes(before, after, courses, dates))
    return refresh_known_days(session, school_id, _on(known, changed))


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
    return cancel_exceptions(session, school_id, [exception_id], by, now=now)


def cancel_exceptions(
    session: Session, school_id: int, exception_ids: Sequence[int], by: int, *, now: datetime
) -> int:
    """``cancel_exception`` of several that were made together, as ``ExceptionListed.ids`` says."""
    days.lock_school(session, school_id)
    changed = 0
    for exception_id in exception_ids:
        one = service.cancel_exception(session, school_id, exception_id, by, now=now)
        record(session, school_id, by, "cancelled_exception", _subject(one), _detail(one))
        changed += _refresh(session, school_id, _scope(one), Span(one.from_on, one.until_on))
    return changed


def restore_exceptions(
    session: Session, school_id: int, exception_ids: Sequence[int], by: int, *, now: datetime
) -> Added:
    """Undo the cancelling of one exception: one like it is made, and it stays cancelled.

    ``exception_ids`` are the rows that were made together, as ``ExceptionListed.ids`` says.
    """
    days.lock_school(session, school_id)
    rows = [service.one_exception(session, school_id, id_) for id_ in exception_ids]
    if any(one.cancelled_at is None for one in rows):
        raise Conflict("not_cancelled")
    one, courses = rows[0], tuple(id_ for row in rows for id_ in _scope(row))
    span = Span(one.from_on, one.until_on)
    new = NewException(one.kind, span, one.reason, courses, one.starts_at, one.ends_at)
    return add_exception(session, school_id, new, by, now=now)


def set_week(session: Session, school_id: int, new: NewWeek, by: int, *, today: date) -> int:
    """Tell the weekly hours of courses from a date on. Returns how many days are other."""
    days.lock_school(session, school_id)
    students = days.students_of(session, school_id, new.course_ids, new.from_on, date.max)
    known = days.touched_of_students(session, school_id, students, new.from_on, date.max)
    dates = sorted({on_date for _, _, on_date in known})
    before, _ = calendar_queries.calendar_on(session, school_id, dates)
    if not service.put_week(session, school_id, new, today=today):
        return 0
    week = {
        str(weekday): hours and [*map(str, hours[:2]), hours.tolerance_minutes]
        for weekday, hours in new.hours.items()
    }
    for course_id in new.course_ids:
        detail = {"from_on": new.from_on.isoformat(), "week": week}
        record(session, school_id, by, "set_weekly_hours", f"course:{course_id}", detail)
    after, _ = calendar_queries.calendar_on(session, school_id, dates)
    changed = _dates(changes(before, after, new.course_ids, dates))
    return refresh_known_days(session, school_id, _on(known, changed))


def tell_families(
    session: Session,
    school_id: int,
    exceptions: Collection[CalendarException],
    by: int,
    *,
    now: datetime,
    today: date,
) -> int:
    """Send word of exceptions to the families whose child's hours they change.

    Returns how many messages are queued; repeating tells nobody twice. Raises Conflict for one
    that is over, or cancelled: that would be no news.
    """
    told = 0
    for one in exceptions:
        if one.cancelled_at is not None or one.until_on < today:
            raise Conflict("not_to_be_told")
        students = calendar_queries.students_concerned(session, school_id, one)
        notice = Notice("calendar_change", one.from_on, now, ordinal=one.id)
        queued = queue_notice(session, school_id, students, notice, now=now)
        one.told_at, one.told_messages = one.told_at or now, one.told_messages + queued
        record(session, school_id, by, "told_exception", _subject(one), {"messages": queued})
        told += queued
    session.flush()
    return told


def _refresh(session: Session, school_id: int, course_ids: Collection[int], span: Span) -> int:
    if course_ids:
        return refresh_course_days(session, school_id, course_ids, *span)
    return refresh_school_days(session, school_id, *span)


def _on(known: Collection[Day], dates: Collection[date]) -> list[Day]:
    return [day for day in known if day[2] in dates]


def _dates(found: Collection[Change]) -> set[date]:
    return {on_date for change in found for on_date in change.dates}


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
