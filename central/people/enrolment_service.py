"""To which course a student belongs from when to when. The caller concludes the days anew."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from central.errors import Conflict, NotFound
from central.people.models import Course, Enrolment, Student

_DAY = timedelta(days=1)


def enrol(session: Session, school_id: int, student_id: int, course_id: int, from_on: date) -> None:
    """Let a student belong to a course from a date on, until further.

    Replaces whatever was told for that date and later. Raises NotFound, and Conflict for a date
    before the student came to the school.
    """
    student = _student(session, school_id, student_id)
    if session.get(Course, (school_id, course_id)) is None:
        raise NotFound("no such course")
    if from_on < student.enrolled_on:
        raise Conflict("before_enrolment")
    _end(session, student, from_on)
    session.add(
        Enrolment(school_id=school_id, student_id=student_id, course_id=course_id, from_on=from_on)
    )
    student.course_id, student.left_on = course_id, None
    session.flush()


def leave(session: Session, school_id: int, student_id: int, last_on: date) -> None:
    """Let a student leave the school after a date. Raises NotFound and Conflict as ``enrol``."""
    student = _student(session, school_id, student_id)
    if last_on < student.enrolled_on:
        raise Conflict("before_enrolment")
    _end(session, student, last_on + _DAY)
    student.left_on = last_on + _DAY
    session.flush()


def _student(session: Session, school_id: int, student_id: int) -> Student:
    student = session.scalars(
        select(Student)
        .where(Student.school_id == school_id, Student.id == student_id)
        .with_for_update()
    ).one_or_none()
    if student is None:
        raise NotFound("no such student")
    return student


def _end(session: Session, student: Student, first_not: date) -> None:
    """Let the student's enrolments end before a date, and those from it on never have been."""
    own = (Enrolment.school_id == student.school_id, Enrolment.student_id == student.id)
    session.execute(delete(Enrolment).where(*own, Enrolment.from_on >= first_not))
    session.execute(
        update(Enrolment)
        .where(*own, (Enrolment.until_on.is_(None)) | (Enrolment.until_on >= first_not))
        .values(until_on=first_not - _DAY)
    )
