"""Attendance over a time: by student, course and day.

Only closed days count. While a day is open the absent have no row yet, so counting it would make
every school look better than it is; the report says how many days it leaves out. Every function
wants a session that has entered the school; ``courses`` limits what is read to a teacher's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    Date,
    and_,
    any_,
    bindparam,
    column,
    exists,
    func,
    or_,
    select,
    values,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement

from central.attendance.models import AttendanceDay, DayClosing
from central.people.models import Course, Enrolment, Student
from central.reports.rules import Tally, sum_of

Courses = Collection[int] | None


@dataclass(frozen=True, slots=True)
class Period:
    """From one date to another, both included."""

    first: date
    last: date

    def dates(self) -> Iterator[date]:
        for back in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=back)


@dataclass(frozen=True, slots=True)
class StudentTally:
    """One student's days, in the course to which they belong now."""

    id: int
    given_names: str
    family_names: str
    course_id: int
    course: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class CourseTally:
    """One course: the days that its students had in it, wherever they are now."""

    id: int
    name: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class DayTally:
    on_date: date
    tally: Tally


@dataclass(frozen=True, slots=True)
class Report:
    """Attendance of a school, or of a teacher's courses, over a period.

    ``open_days`` are dates of the period on which students were seen but which nobody has closed.
    """

    period: Period
    students: Sequence[StudentTally]
    courses: Sequence[CourseTally]
    closed_days: int
    open_days: int

    @property
    def total(self) -> Tally:
        return sum_of(course.tally for course in self.courses)


def attendance_report(
    session: Session, school_id: int, period: Period, courses: Courses = None
) -> Report:
    """Every student by course and name, and every course; days are ``attendance_by_day``."""
    closed = closed_dates(session, school_id, period)
    seen = _Seen(school_id, closed, courses)
    students = _students(session, seen, period)
    return Report(
        period=period,
        students=students,
        courses=_courses(session, seen, students, _moved(session, seen, period)),
        closed_days=len(closed),
        open_days=_open_days(session, school_id, period, closed),
    )


def attendance_by_day(
    session: Session, school_id: int, period: Period, courses: Courses = None
) -> list[DayTally]:
    """Each closed day on which somebody was expected, in order."""
    seen = _Seen(school_id, closed_dates(session, school_id, period), courses)
    tallies = _tallies(session, seen, AttendanceDay.on_date)
    return [DayTally(day, tallies[day]) for day in sorted(tallies) if tallies[day].expected]


def closed_dates(session: Session, school_id: int, period: Period) -> list[date]:
    """The dates of the period on which the days are concluded for everybody."""
    return list(
        session.scalars(
            select(DayClosing.on_date)
            .where(
                DayClosing.school_id == school_id,
                DayClosing.on_date.between(period.first, period.last),
            )
            .order_by(DayClosing.on_date)
        )
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """Which rows of ``attendance_days`` a report is about."""

    school_id: int
    dates: Sequence[date]
    courses: Courses

    def rows(self) -> ColumnElement[bool]:
        # dates given one by one, not as a join: each is then one look into an index
        where = and_(
            AttendanceDay.school_id == self.school_id,
            AttendanceDay.on_date == any_(bindparam(None, self.dates, ARRAY(Date))),
        )
        if self.courses is None:
            return where
        taught = select(Student.id).where(
            Student.school_id == self.school_id, Student.course_id.in_(self.courses)
        )
        return and_(where, AttendanceDay.student_id.in_(taught))


def _students(session: Session, seen: _Seen, period: Period) -> list[StudentTally]:
    tallies = _tallies(session, seen, AttendanceDay.student_id)
    statement = (
        select(
            *(Student.id, Student.given_names, Student.family_names, Student.course_id),
            Course.name.label("course"),
        )
        .join(Course, and_(Course.school_id == Student.school_id, Course.id == Student.course_id))
        .where(
            Student.school_id == seen.school_id,
            Student.enrolled_on <= period.last,
            or_(Student.left_on.is_(None), Student.left_on > period.first),
        )
        .order_by(Course.position, Course.name, Student.family_names, Student.given_names)
    )
    if seen.courses is not None:
        statement = statement.where(Student.course_id.in_(seen.courses))
    return [
        StudentTally(**row._mapping, tally=tallies.get(row.id, Tally()))
        for row in session.execute(statement)
    ]


def _tallies(session: Session, seen: _Seen, by: Any) -> dict[Any, Tally]:
    """Days summed up by student or by date.

    Most days are plain presences. They are counted from the key alone, as all rows less those that
    an index of the other ones finds: the table itself, ten times larger, is not read.
    """
    notable: dict[Any, dict[str, int]] = defaultdict(dict)
    other = AttendanceDay.status != "present"
    for key, status, number in session.execute(
        select(by, AttendanceDay.status, func.count())
        .where(seen.rows(), other)
        .group_by(by, AttendanceDay.status)
    ):
        notable[key][status] = number
    rows = session.execute(select(by, func.count()).where(seen.rows()).group_by(by))
    return {key: _tally(number, notable.get(key, {})) for key, number in rows}


def _tally(rows: int, notable: Mapping[str, int]) -> Tally:
    present = rows - sum(notable.values())
    late = notable.get("late", 0)
    return Tally(
        attended=present + late + notable.get("left_early", 0),
        late=late,
        absent=notable.get("absent", 0),
        justified=notable.get("justified", 0),
    )


def _moved(session: Session, seen: _Seen, period: Period) -> dict[tuple[int, int], Tally]:
    """The days of students who changed their course in the period, by (course, student)."""
    movers = _movers(session, seen.school_id, period)
    if not movers:
        return {}
    in_course = and_(
        AttendanceDay.school_id == Enrolment.school_id,
        AttendanceDay.student_id == Enrolment.student_id,
        AttendanceDay.on_date >= Enrolment.from_on,
        or_(Enrolment.until_on.is_(None), AttendanceDay.on_date <= Enrolment.until_on),
    )
    statuses: dict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    for course_id, student_id, status, number in session.execute(
        select(Enrolment.course_id, Enrolment.student_id, AttendanceDay.status, func.count())
        .join(AttendanceDay, in_course)
        .where(seen.rows(), Enrolment.student_id.in_(movers))
        .group_by(Enrolment.course_id, Enrolment.student_id, AttendanceDay.status)
    ):
        statuses[course_id, student_id][status] = number
    return {
        key: _tally(sum(found.values()), {s: n for s, n in found.items() if s != "present"})
        for key, found in statuses.items()
    }


def _movers(session: Session, school_id: int, period: Period) -> list[int]:
    """Students of more than one course in the period: few, and most often none."""
    return list(
        session.scalars(
            select(Enrolment.student_id)
            .where(
                Enrolment.school_id == school_id,
                or_(Enrolment.until_on.is_(None), Enrolment.until_on >= period.first),
                Enrolment.from_on <= period.last,
            )
            .group_by(Enrolment.student_id)
            .having(func.count(Enrolment.course_id.distinct()) > 1)
        )
    )


def _courses(
    session: Session,
    seen: _Seen,
    students: Sequence[StudentTally],
    moved: Mapping[tuple[int, int], Tally],
) -> list[CourseTally]:
    movers = {student_id for _, student_id in moved}
    tallies: dict[int, Tally] = defaultdict(Tally)
    for student in students:
        if student.id not in movers:
            tallies[student.course_id] += student.tally
    for (course_id, _), tally in moved.items():
        tallies[course_id] += tally
    statement = select(Course.id, Course.name).where(Course.school_id == seen.school_id)
    if seen.courses is not None:
        statement = statement.where(Course.id.in_(seen.courses))
    return [
        CourseTally(row.id, row.name, tallies[row.id])
        for row in session.execute(statement.order_by(Course.position, Course.name))
        if row.id in tallies
    ]


def _open_days(session: Session, school_id: int, period: Period, closed: Sequence[date]) -> int:
    """Dates with students but without a closing, found by one look into the index a date."""
    others = sorted(set(period.dates()) - set(closed))
    if not others:
        return 0
    days = values(column("on_date", Date), name="days").data([(day,) for day in others])
    seen = exists().where(
        AttendanceDay.school_id == school_id, AttendanceDay.on_date == days.c.on_date
    )
    return session.scalar(select(func.count()).select_from(days).where(seen)) or 0
