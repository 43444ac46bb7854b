"""A school with children inside, for tests of evacuations and lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay
from central.evacuation.service import SentMark
from central.people.models import Course, Student
from central.schools.models import School
from tests.builders import a_course, a_school, a_student

ZONE = ZoneInfo("America/Santiago")


@dataclass
class FullHouse:
    """Two courses; three students inside, of whom the last is unsure, and one who has left."""

    school: School
    courses: list[Course]
    inside: list[Student]
    gone: Student
    today: date


def a_day(
    session: Session, student: Student, on_date: date, *, inside: bool = True, sure: bool = True
) -> None:
    session.add(
        AttendanceDay(
            school_id=student.school_id,
            student_id=student.id,
            on_date=on_date,
            status="present",
            first_entry_at=datetime.now(UTC),
            inside=inside,
            passages=1 if inside else 2,
            confidence="sure" if sure else "unsure",
        )
    )


def a_full_house(session: Session) -> FullHouse:
    school = a_school(session)
    courses = [a_course(session, school) for _ in range(2)]
    for position, course in enumerate(courses):
        course.position = position
    today = datetime.now(UTC).astimezone(ZONE).date()
    students = [
        a_student(session, courses[0], given="Ana"),
        a_student(session, courses[0], given="Benja"),
        a_student(session, courses[1], given="Carla"),
        a_student(session, courses[1], given="Diego"),
    ]
    for student in students:
        student.enrolled_on = min(student.enrolled_on, today)
    a_day(session, students[0], today)
    a_day(session, students[1], today)
    a_day(session, students[2], today, sure=False)
    a_day(session, students[3], today, inside=False)
    session.commit()
    return FullHouse(school, courses, students[:3], students[3], today)


def a_mark(student: Student, state: str = "safe") -> SentMark:
    return SentMark(uuid4(), student.id, state)
