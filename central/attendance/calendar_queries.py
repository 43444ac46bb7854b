"""Whom a change of the calendar would affect, before it is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.attendance import days
from central.calendar.models import CalendarException
from central.calendar.planning_rules import (
    Change,
    NewException,
    changes,
    dates_of,
    with_exception,
    without_exception,
)
from central.calendar.queries import calendars
from central.calendar.rules import SchoolCalendar, Span
from central.errors import NotFound
from central.people.models import Course

_CONCERNED = text("""
    SELECT count(DISTINCT e.student_id) AS students,
        count(DISTINCT g.id) AS families,
        count(DISTINCT n.student_id) AS alerted
    FROM enrolments e
    LEFT JOIN student_guardians l ON l.school_id = e.school_id AND l.student_id = e.student_id
        AND l.notify_absence
    LEFT JOIN guardians g ON g.school_id = l.school_id AND g.id = l.guardian_id
        AND g.phone IS NOT NULL AND g.stopped_at IS NULL
    LEFT JOIN notifications n ON n.school_id = e.school_id AND n.student_id = e.student_id
        AND n.kind = 'absence' AND n.on_date = ANY (CAST(:dates AS date[]))
    WHERE e.school_id = :school_id AND e.course_id = ANY (CAST(:course_ids AS bigint[]))
        AND e.from_on <= :last AND (e.until_on IS NULL OR e.until_on >= :first)
""")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of the calendar would do.

    ``families`` are the guardians who could be told, ``alerted`` the students whose families have
    been told already that they are absent on one of the dates.
    """

    changes: Sequence[Change]
    students: int
    families: int
    alerted: int


def preview_exception(session: Session, school_id: int, new: NewException) -> Preview:
    """What adding an exception would do. It may be one that cannot be added."""
    before, courses = _calendar(session, school_id, new.span)
    return _preview(session, school_id, before, with_exception(before, new), courses, new.span)


def preview_cancel(session: Session, school_id: int, exception_id: int) -> Preview:
    """What taking an exception back would do. Raises NotFound."""
    found = session.scalars(
        select(CalendarException).where(
            CalendarException.school_id == school_id, CalendarException.id == exception_id
        )
    ).one_or_none()
    if found is None:
        raise NotFound("no such exception")
    span = Span(found.from_on, found.until_on)
    before, courses = _calendar(session, school_id, span)
    after = without_exception(before, exception_id)
    return _preview(session, school_id, before, after, courses, span)


def students_concerned(
    session: Session, school_id: int, course_ids: Collection[int], span: Span
) -> list[int]:
    """Who belongs to one of these courses, or to any if none is named, on a date of the span."""
    concerned = (
        course_ids or session.scalars(select(Course.id).where(Course.school_id == school_id)).all()
    )
    return days.students_of(session, school_id, concerned, *span)


def _calendar(session: Session, school_id: int, span: Span) -> tuple[SchoolCalendar, Sequence[int]]:
    courses = session.scalars(select(Course.id).where(Course.school_id == school_id)).all()
    keys = [(school_id, course_id) for course_id in courses]
    found = calendars(session, keys, dates_of(span))
    return found.get(school_id, SchoolCalendar()), courses


def _preview(
    session: Session,
    school_id: int,
    before: SchoolCalendar,
    after: SchoolCalendar,
    courses: Collection[int],
    span: Span,
) -> Preview:
    found = changes(before, after, courses, dates_of(span))
    dates = sorted({on_date for change in found for on_date in change.dates})
    if not dates:
        return Preview([], 0, 0, 0)
    course_ids = {course_id for change in found for course_id in change.course_ids}
    row = session.execute(_CONCERNED, _parameters(school_id, course_ids, dates)).one()
    return Preview(found, row.students, row.families, row.alerted)


def _parameters(
    school_id: int, course_ids: Collection[int], dates: Sequence[date]
) -> dict[str, object]:
    return {
        "school_id": school_id,
        "course_ids": sorted(course_ids),
        "dates": list(dates),
        "first": dates[0],
        "last": dates[-1],
    }
