"""What the board shows of a day: counts by course, and the days to compare it with.

Every function wants a session that has entered the school. ``courses`` limits what is read to a
teacher's courses; None is the whole school.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Row,
    Time,
    and_,
    cast,
    column,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement, TableValuedAlias

from central.attendance.board_rules import (
    Counts,
    second_of_day,
)
from central.attendance.models import AttendanceDay
from central.calendar.queries import hours_on
from central.calendar.rules import Hours, NoClass
from central.people.models import Course, Student

Courses = Collection[int] | None


@dataclass(frozen=True, slots=True)
class CourseToday:
    """One course's bar: how many of its students have come. ``starts_at`` is None without class."""

    id: int
    name: str
    students: int
    starts_at: time | None
    counts: Counts


def courses_today(
    session: Session, school_id: int, on_date: date, courses: Courses = None
) -> list[CourseToday]:
    """Every course with students, youngest first, as it stands now."""
    hours = class_hours(hours_on(session, school_id, on_date))
    rows = session.execute(_courses_statement(school_id, on_date, hours, courses))
    return [_course(row) for row in rows]


def _courses_statement(
    school_id: int, on_date: date, hours: TableValuedAlias, courses: Courses
) -> Any:
    came = AttendanceDay.first_entry_at.is_not(None)
    return (
        select(
            Course.id,
            Course.name,
            hours.c.starts_at,
            func.count().label("students"),
            func.count().filter(came).label("entered"),
            func.count().filter(was_late()).label("late"),
            func.count().filter(AttendanceDay.inside).label("inside"),
            func.count().filter(came, ~AttendanceDay.inside).label("left"),
        )
        .join(Student, and_(Student.school_id == Course.school_id, Student.course_id == Course.id))
        .outerjoin(AttendanceDay, own_day(Student, on_date))
        .outerjoin(hours, hours.c.course_id == Student.course_id)
        .where(Course.school_id == school_id, enrolled(on_date), taught(courses))
        .group_by(Course.school_id, Course.id, hours.c.starts_at)
        .order_by(Course.position, Course.name)
    )


def _course(row: Row[Any]) -> CourseToday:
    expected = row.students if row.starts_at is not None else 0
    counts = Counts(
        expected=expected,
        entered=row.entered,
        late=row.late,
        inside=row.inside,
        left=row.left,
        missing=max(expected - row.entered, 0),
    )
    return CourseToday(row.id, row.name, row.students, row.starts_at, counts)


def total(courses: Sequence[CourseToday]) -> Counts:
    """The counts of several courses together."""
    return Counts(
        **{
            name: sum(getattr(course.counts, name) for course in courses)
            for name in Counts.__slots__
        }
    )


def arrivals_on(
    session: Session, school_id: int, on_date: date, zone: ZoneInfo, courses: Courses = None
) -> list[int]:
    """When each student first entered, as sorted seconds since local midnight."""
    moments = session.scalars(
        select(AttendanceDay.first_entry_at)
        .join(Student, own_day(Student, on_date))
        .where(
            AttendanceDay.school_id == school_id,
            AttendanceDay.first_entry_at.is_not(None),
            taught(courses),
        )
        .order_by(AttendanceDay.first_entry_at)
    )
    return [second_of_day(moment, zone) for moment in moments if moment is not None]


def own_day(student: Any, on_date: date) -> ColumnElement[bool]:
    """Joins a student with what is concluded about them on a date."""
    return and_(day_of(student), AttendanceDay.on_date == on_date)


def day_of(student: Any) -> ColumnElement[bool]:
    """Joins a student with their days."""
    return and_(
        AttendanceDay.school_id == student.school_id, AttendanceDay.student_id == student.id
    )


def was_late() -> ColumnElement[bool]:
    """Whether a day has a lateness that counts; who was late may have left early since."""
    return AttendanceDay.minutes_late > 0


def class_hours(hours: Mapping[int, Hours | NoClass]) -> TableValuedAlias:
    """The courses that have class, to join students with: ``course_id`` and ``starts_at``."""
    having = {
        course_id: one.starts_at for course_id, one in hours.items() if isinstance(one, Hours)
    }
    return (
        func.unnest(cast(list(having), ARRAY(BigInteger)), cast(list(having.values()), ARRAY(Time)))
        .table_valued("course_id", column("starts_at", Time))
        .render_derived(name="hours")
    )


def enrolled(on_date: date) -> ColumnElement[bool]:
    """Whether a student belongs to the school on a date."""
    return and_(
        Student.enrolled_on <= on_date,
        or_(Student.left_on.is_(None), Student.left_on > on_date),
    )


def taught(courses: Courses) -> ColumnElement[bool]:
    """Whether a student is in one of ``courses``."""
    return Student.course_id.in_(courses) if courses is not None else true()
