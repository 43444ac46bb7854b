"""Changing course and leaving: to which course each day belongs, and which days follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.attendance import enrolment_service
from central.attendance.models import AttendanceDay, DayClosing
from central.attendance.service import refresh_school_days
from central.errors import Conflict, NotFound
from central.people.models import Course, Enrolment, Student
from central.schools.models import School
from tests.builders import a_course, a_school, a_student, a_user
from tests.central.desk import actions

MONDAY = date(2026, 5, 4)
WEEK = [MONDAY + timedelta(days=number) for number in range(5)]
ENROLLED = date(2025, 3, 1)
DAY = timedelta(days=1)


@dataclass
class Moving:
    """A student of a course of weekdays, and a course that never comes; a closed week."""

    school: School
    student: Student
    usual: Course
    never: Course
    author: int
    web: Session

    def change_course(self, course: Course, from_on: date) -> int:
        changed = enrolment_service.change_course(
            self.web, self.school.id, self.student.id, course.id, from_on, self.author
        )
        self.web.commit()
        return changed

    def leave(self, last_on: date) -> int:
        changed = enrolment_service.leave_school(
            self.web, self.school.id, self.student.id, last_on, self.author
        )
        self.web.commit()
        return changed


@pytest.fixture
def moving(session: Session, session_as: Callable[..., Session]) -> Moving:
    school = a_school(session)
    usual, never = a_course(session, school), a_course(session, school, starts_at=None)
    student = a_student(session, usual)
    author = a_user(session).id
    session.add_all(DayClosing(school_id=school.id, on_date=day) for day in WEEK)
    session.flush()
    refresh_school_days(session, school.id, WEEK[0], WEEK[-1])
    session.commit()
    return Moving(school, student, usual, never, author, session_as("web", school.id))


def statuses(session: Session) -> str:
    """One letter for each day of the week: absent, no class, or - for no row at all."""
    session.expire_all()
    rows = {day.on_date: day.status for day in session.scalars(select(AttendanceDay))}
    letters = {"absent": "a", "no_class": "n"}
    return "".join(letters[rows[day]] if day in rows else "-" for day in WEEK)


def enrolments(session: Session, moving: Moving) -> list[tuple[str, date, date | None]]:
    names = {moving.usual.id: "usual", moving.never.id: "never"}
    rows = session.scalars(select(Enrolment).order_by(Enrolment.from_on))
    return [(names[row.course_id], row.from_on, row.until_on) for row in rows]


@pytest.mark.parametrize(
    ("from_on", "week", "changed"),
    [
        pytest.param(WEEK[0], "nnnnn", 5, id="from Monday on"),
        pytest.param(WEEK[2], "aannn", 3, id="in the middle of the week"),
        pytest.param(WEEK[4] + DAY, "aaaaa", 0, id="from the next week on"),
        pytest.param(ENROLLED, "nnnnn", 5, id="from the first day on"),
    ],
)
def test_the_days_before_stay_with_the_course_of_then(
    session: Session, moving: Moving, from_on: date, week: str, changed: int
) -> None:
    assert statuses(session) == "aaaaa"

    assert moving.change_course(moving.never, from_on) == changed

    assert statuses(session) == week
    assert moving.change_course(moving.never, from_on) == 0  # repeating changes nothing
    student = session.get_one(Student, (moving.school.id, moving.student.id))
    assert (student.course_id, student.left_on) == (moving.never.id, None)
    assert actions(session) == ["changed_course"] * 2


def test_a_course_between_two_others_lasts_from_date_to_date(
    session: Session, moving: Moving
) -> None:
    moving.change_course(moving.never, WEEK[1])
    moving.change_course(moving.usual, WEEK[3])

    assert enrolments(session, moving) == [
        ("usual", ENROLLED, WEEK[0]),
        ("never", WEEK[1], WEEK[2]),
        ("usual", WEEK[3], None),
    ]
    assert statuses(session) == "annaa"


def test_an_earlier_change_replaces_what_was_told_for_later(
    session: Session, moving: Moving
) -> None:
    moving.change_course(moving.never, WEEK[3])

    moving.change_course(moving.usual, WEEK[1])

    assert enrolments(session, moving) == [("usual", ENROLLED, WEEK[0]), ("usual", WEEK[1], None)]
    assert statuses(session) == "aaaaa"


def test_who_has_left_is_expected_no_more_and_may_come_back(
    session: Session, moving: Moving
) -> None:
    changed = moving.leave(WEEK[1])
    gone = statuses(session)
    left_on = session.get_one(Student, (moving.school.id, moving.student.id)).left_on
    moving.change_course(moving.usual, WEEK[3])

    assert (changed, gone, left_on) == (3, "aa---", WEEK[2])
    assert statuses(session) == "aa-aa"
    assert enrolments(session, moving) == [
        ("usual", ENROLLED, WEEK[1]),
        ("usual", WEEK[3], None),
    ]
    session.expire_all()
    assert session.get_one(Student, (moving.school.id, moving.student.id)).left_on is None


def test_nothing_is_told_for_a_time_before_the_school(session: Session, moving: Moving) -> None:
    with pytest.raises(Conflict, match="before_enrolment"):
        moving.change_course(moving.never, ENROLLED - DAY)
    moving.web.rollback()
    with pytest.raises(Conflict, match="before_enrolment"):
        moving.leave(ENROLLED - DAY)

    assert statuses(session) == "aaaaa"


def test_courses_and_students_of_other_schools_are_not_there(
    session: Session, moving: Moving
) -> None:
    elsewhere = a_course(session, a_school(session), starts_at=time(8))
    stranger = a_student(session, elsewhere)
    session.commit()

    with pytest.raises(NotFound):
        moving.change_course(elsewhere, WEEK[0])
    moving.web.rollback()
    moving.student = stranger
    with pytest.raises(NotFound):
        moving.leave(WEEK[0])
