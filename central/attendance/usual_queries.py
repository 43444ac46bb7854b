"""The earlier days that a board compares today with. Slow to read and settled, so cache them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Row, column, exists, func, select, values
from sqlalchemy.orm import Session

from central.attendance.board_queries import Courses, day_of, enrolled, taught, was_late
from central.attendance.board_rules import (
    USUAL_DAYS,
    DayCourse,
    changes,
    same_weekdays_before,
    second_of_day,
)
from central.attendance.models import AttendanceDay, Tap
from central.attendance.rules import DayTap
from central.calendar.queries import hours_on_dates
from central.calendar.rules import Hours, NoClass
from central.people.models import Student


def usual_days(
    session: Session, school_id: int, on_date: date, zone: ZoneInfo, courses: Courses = None
) -> list[DayCourse]:
    """How the last same weekdays went on which somebody came; empty for a new school."""
    dates = _dates_with_school(session, school_id, on_date)
    hours = hours_on_dates(session, school_id, dates)
    expected = {day: _expected(session, school_id, day, hours[day], courses) for day in dates}
    entries = _entries(session, school_id, dates, courses)
    comings = _comings(session, school_id, dates, courses)
    return [
        _day_course(expected[day], entries.get(day, ()), comings.get(day, ()), zone)
        for day in dates
    ]


def _dates_with_school(session: Session, school_id: int, on_date: date) -> list[date]:
    dates = (
        values(column("on_date", Date), name="dates")
        .data([(day,) for day in same_weekdays_before(on_date)])
        .alias()
    )
    somebody_came = exists().where(
        AttendanceDay.school_id == school_id,
        AttendanceDay.on_date == dates.c.on_date,
        AttendanceDay.first_entry_at.is_not(None),
    )
    newest_first = select(dates.c.on_date).where(somebody_came).order_by(dates.c.on_date.desc())
    return list(session.scalars(newest_first.limit(USUAL_DAYS)))


def _expected(
    session: Session,
    school_id: int,
    on_date: date,
    hours: Mapping[int, Hours | NoClass],
    courses: Courses,
) -> int:
    having_class = [course_id for course_id, one in hours.items() if isinstance(one, Hours)]
    return (
        session.scalar(
            select(func.count())
            .select_from(Student)
            .where(
                Student.school_id == school_id,
                Student.course_id.in_(having_class),
                enrolled(on_date),
                taught(courses),
            )
        )
        or 0
    )


def _entries(
    session: Session, school_id: int, dates: Sequence[date], courses: Courses
) -> Mapping[date, Sequence[Row[Any]]]:
    rows = session.execute(
        select(AttendanceDay.on_date, AttendanceDay.first_entry_at, was_late().label("late"))
        .join(Student, day_of(Student))
        .where(
            AttendanceDay.school_id == school_id,
            AttendanceDay.on_date.in_(dates),
            AttendanceDay.first_entry_at.is_not(None),
            taught(courses),
        )
    )
    return _by_date(rows)


def _comings(
    session: Session, school_id: int, dates: Sequence[date], courses: Courses
) -> Mapping[date, Sequence[Row[Any]]]:
    rows = session.execute(
        select(Tap.on_date, Tap.student_id, Tap.tapped_at, Tap.direction, Tap.gate_id)
        .join(Student, (Student.school_id == Tap.school_id) & (Student.id == Tap.student_id))
        .where(Tap.school_id == school_id, Tap.on_date.in_(dates), taught(courses))
    )
    return _by_date(rows)


def _by_date(rows: Iterable[Any]) -> Mapping[date, Sequence[Row[Any]]]:
    found: dict[date, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.on_date].append(row)
    return found


def _day_course(
    expected: int, entries: Iterable[Row[Any]], taps: Iterable[Row[Any]], zone: ZoneInfo
) -> DayCourse:
    first = [(second_of_day(row.first_entry_at, zone), row.late) for row in entries]
    by_student: dict[int, list[DayTap]] = defaultdict(list)
    for row in taps:
        by_student[row.student_id].append(DayTap(row.tapped_at, row.direction, row.gate_id))
    came: list[int] = []
    went: list[int] = []
    for day in by_student.values():
        for moment, inside in changes(day):
            (came if inside else went).append(second_of_day(moment, zone))
    return DayCourse(
        expected=expected,
        entered=sorted(second for second, _ in first),
        late=sorted(second for second, late in first if late),
        came=sorted(came),
        went=sorted(went),
    )
