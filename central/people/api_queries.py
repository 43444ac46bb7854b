"""Students as the API lists them. Every function wants a session that has entered the school."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.orm import Session

from central.people.models import Course, Student
from central.people.queries import has_words

Courses = Collection[int] | None


@dataclass(frozen=True, slots=True)
class StudentFilter:
    """Every word of ``name`` must occur in the student's, whatever its case and accents."""

    course_id: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class CourseListed:
    id: int
    name: str
    year: int


@dataclass(frozen=True, slots=True)
class StudentListed:
    id: int
    given_names: str
    family_names: str
    course: CourseListed
    enrolled_on: date
    left_on: date | None


def students_after(
    session: Session,
    school_id: int,
    after: int,
    limit: int,
    *,
    courses: Courses = None,
    where: StudentFilter,
) -> list[StudentListed]:
    """At most ``limit`` students with an id above ``after``, by id.

    ``courses`` are those that the reader may see, None for all.
    """
    statement = _students(school_id, courses).where(Student.id > after)
    if where.course_id is not None:
        statement = statement.where(Student.course_id == where.course_id)
    if where.name:
        statement = statement.where(
            has_words(where.name, Student.given_names, Student.family_names)
        )
    return [_listed(row) for row in session.execute(statement.order_by(Student.id).limit(limit))]


def student_listed(
    session: Session, school_id: int, student_id: int, courses: Courses = None
) -> StudentListed | None:
    """The student of this id, if in one of ``courses``."""
    row = session.execute(
        _students(school_id, courses).where(Student.id == student_id)
    ).one_or_none()
    return None if row is None else _listed(row)


def _students(school_id: int, courses: Courses) -> Select[*tuple[Any, ...]]:
    statement = (
        select(Student, Course.name, Course.year)
        .join(Course, and_(Course.school_id == Student.school_id, Course.id == Student.course_id))
        .where(Student.school_id == school_id)
    )
    return statement if courses is None else statement.where(Student.course_id.in_(courses))


def _listed(row: Row[*tuple[Any, ...]]) -> StudentListed:
    student = row.Student
    return StudentListed(
        id=student.id,
        given_names=student.given_names,
        family_names=student.family_names,
        course=CourseListed(student.course_id, row.name, row.year),
        enrolled_on=student.enrolled_on,
        left_on=student.left_on,
    )
