"""Whom a change of the calendar would affect, before it is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.calendar.models import CalendarException, SchoolYear
from central.calendar.planning_rules import (
    Change,
    NewException,
    NewWeek,
    NewYear,
    changes,
    dates_of,
    with_exception,
    with_week,
    with_year,
    without_exceptions,
)
from central.calendar.queries import calendars
from central.calendar.rules import SchoolCalendar, Span
from central.errors import NotFound
from central.people.models import Course

# Weekly hours go on for ever: a preview looks beyond the longest vacation, and no further.
_LOOK_AHEAD: Final = timedelta(days=100)

# The changed dates of courses, as (course, date), and what is known of their students.
_STUDENTS: Final = """
    WITH changed AS (
        SELECT DISTINCT e.student_id, c.on_date
        FROM unnest(CAST(:course_ids AS bigint[]), CAST(:dates AS date[])) AS c (course_id, on_date)
        JOIN enrolments e ON e.school_id = :school_id AND e.course_id = c.course_id
            AND e.from_on <= c.on_date AND (e.until_on IS NULL OR e.until_on >= c.on_date)
    ), students AS (SELECT DISTINCT student_id FROM changed)
"""
_CONCERNED: Final = text(f"""
    {_STUDENTS}
    SELECT p.students, t.guardians, t.messages, t.withheld, d.days, d.tapped, a.alerted
    FROM (SELECT count(*) AS students FROM students) p
    CROSS JOIN (
        SELECT count(DISTINCT o.id) FILTER (WHERE o.told) AS guardians,
            count(*) FILTER (WHERE o.told) AS messages,
            count(*) FILTER (WHERE NOT o.told) AS withheld
        FROM students s
        JOIN student_guardians l ON l.school_id = :school_id AND l.student_id = s.student_id
        CROSS JOIN LATERAL (
            SELECT g.id, l.notify_absence AND g.phone IS NOT NULL AND g.stopped_at IS NULL AS told
            FROM guardians g WHERE g.school_id = l.school_id AND g.id = l.guardian_id
        ) o
    ) t
    CROSS JOIN (
        SELECT count(*) AS days, count(*) FILTER (WHERE a.passages > 0) AS tapped
        FROM changed c JOIN attendance_days a ON a.school_id = :school_id
            AND a.on_date = c.on_date AND a.student_id = c.student_id
    ) d
    CROSS JOIN (
        SELECT count(DISTINCT n.student_id) AS alerted
        FROM changed c JOIN notifications n ON n.school_id = :school_id
            AND n.student_id = c.student_id AND n.on_date = c.on_date AND n.kind = 'absence'
    ) a
""")  # noqa: S608  (fixed parts of this file)
_STUDENT_IDS: Final = text(f"{_STUDENTS} SELECT student_id FROM students")  # noqa: S608  (likewise)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of the calendar would do.

    ``messages`` would be queued if the families were told, to ``guardians`` people; ``withheld``
    would not, for want of a telephone or because the guardian does not want them. ``days`` are
    there already and would be concluded anew, of which ``tapped`` have passages. Of ``alerted``
    students the families have been told that they are absent on one of the dates.
    """

    changes: Sequence[Change] = ()
    courses: int = 0
    students: int = 0
    guardians: int = 0
    messages: int = 0
    withheld: int = 0
    days: int = 0
    tapped: int = 0
    alerted: int = 0


def preview_exception(session: Session, school_id: int, new: NewException) -> Preview:
    """What adding an exception would do. It may be one that cannot be added."""
    dates = dates_of(new.span)
    before, courses = calendar_on(session, school_id, dates)
    return _preview(
        session, school_id, changes(before, with_exception(before, new), courses, dates)
    )


def preview_cancel(session: Session, school_id: int, exception_ids: Sequence[int]) -> Preview:
    """What taking back exceptions that were made together would do. Raises NotFound."""
    found = session.scalars(
        select(CalendarException).where(
            CalendarException.school_id == school_id, CalendarException.id.in_(exception_ids)
        )
    ).all()
    if not found:
        raise NotFound("no such exception")
    dates = dates_of(Span(found[0].from_on, found[0].until_on))
    before, courses = calendar_on(session, school_id, dates)
    after = without_exceptions(before, exception_ids)
    return _preview(session, school_id, changes(before, after, courses, dates))


def preview_week(session: Session, school_id: int, new: NewWeek) -> Preview:
    """What other weekly hours would do within a year, with the days since they begin."""
    dates = dates_of(Span(new.from_on, new.from_on + _LOOK_AHEAD))
    before, _ = calendar_on(session, school_id, dates)
    after = with_week(before, new)
    return _preview(session, school_id, changes(before, after, new.course_ids, dates))


def preview_year(session: Session, school_id: int, new: NewYear) -> Preview:
    """What telling a school year would do to its own dates and those that it had before.

    The first year ends the time in which a school has class all year round, so for that one the
    dates around it are looked at too.
    """
    old = _year_told(session, school_id, new.year)
    first, last = (new.span.starts_on - _LOOK_AHEAD, new.span.ends_on + _LOOK_AHEAD)
    if old is not None:
        first, last = min(old.starts_on, new.span.starts_on), max(old.ends_on, new.span.ends_on)
    dates = dates_of(Span(first, last))
    before, courses = calendar_on(session, school_id, dates)
    kept = tuple(year for year in before.years if year.span != old)
    after = with_year(replace(before, years=kept), new)
    return _preview(session, school_id, changes(before, after, courses, dates))


def students_concerned(session: Session, school_id: int, one: CalendarException) -> list[int]:
    """Whose hours an exception in force makes other, on any of its dates."""
    dates = dates_of(Span(one.from_on, one.until_on))
    calendar, courses = calendar_on(session, school_id, dates)
    found = changes(without_exceptions(calendar, [one.id]), calendar, courses, dates)
    return list(session.scalars(_STUDENT_IDS, _parameters(school_id, found)))


def calendar_on(
    session: Session, school_id: int, dates: Collection[date]
) -> tuple[SchoolCalendar, Sequence[int]]:
    """What decides about these dates, and the school's courses."""
    courses = session.scalars(select(Course.id).where(Course.school_id == school_id)).all()
    keys = [(school_id, course_id) for course_id in courses]
    found = calendars(session, keys, dates)
    return found.get(school_id, SchoolCalendar()), courses


def _year_told(session: Session, school_id: int, year: int) -> Span | None:
    row = session.execute(
        select(SchoolYear.starts_on, SchoolYear.ends_on).where(
            SchoolYear.school_id == school_id, SchoolYear.year == year
        )
    ).one_or_none()
    return None if row is None else Span(*row)


def _preview(session: Session, school_id: int, found: Sequence[Change]) -> Preview:
    if not found:
        return Preview()
    row = session.execute(_CONCERNED, _parameters(school_id, found)).one()
    courses = {course_id for change in found for course_id in change.course_ids}
    return Preview(found, len(courses), *row)


def _parameters(school_id: int, found: Sequence[Change]) -> dict[str, object]:
    pairs = [
        (course_id, on_date)
        for change in found
        for course_id in change.course_ids
        for on_date in change.dates
    ]
    return {
        "school_id": school_id,
        "course_ids": [course_id for course_id, _ in pairs],
        "dates": [on_date for _, on_date in pairs],
    }
