"""The board's queries on days made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from central.attendance.board_queries import arrivals_on, courses_today, total
from central.attendance.board_rules import Usual, usual_counts
from central.attendance.student_queries import counts_by_group, students_found, students_today
from central.attendance.usual_queries import usual_days
from central.people.models import Course, Student
from central.schools.models import School
from tests.builders import (
    SCHOOL_DAY,
    a_course,
    a_device,
    a_gate,
    a_school,
    a_student,
    a_tap,
)
from tests.central.recording import SessionAs, record, sent

ZONE = ZoneInfo("America/Santiago")
EIGHT_FIFTEEN = 8 * 3600 + 15 * 60


def at(clock: str, on: date = SCHOOL_DAY) -> datetime:
    """A time on the school's wall clock."""
    return datetime.combine(on, time.fromisoformat(clock), ZONE).astimezone(UTC)


@dataclass
class Day:
    """A school with one gate, whose taps are written ``(card, clock)``."""

    school: School
    course: Course
    device: str
    ingest: Session
    seq: int = 0

    def taps(self, *taps: tuple[str, str], on: date = SCHOOL_DAY) -> None:
        reads = []
        for card, clock in taps:
            self.seq += 1
            reads.append(a_tap(self.seq, card=card, at=at(clock, on)))
        record(self.ingest, sent(self.device, *reads), now=at("23:00", on))


@pytest.fixture
def day(session: Session, session_as: SessionAs) -> Day:
    school = a_school(session)
    course = a_course(session, school)
    device = a_device(session, a_gate(session, school)).id
    session.commit()
    return Day(school, course, device, session_as("ingest", school.id))


def students(session: Session, course: Course, *cards: str) -> list[Student]:
    made = [a_student(session, course, card=card, given=card.title()) for card in cards]
    for student in made:
        student.enrolled_on = date(2025, 3, 1)
    session.commit()
    return made


def test_a_course_counts_who_came_who_was_late_and_who_left(
    session: Session, session_as: SessionAs, day: Day
) -> None:
    students(session, day.course, "ana", "bea", "cam", "dan", "eva")
    day.taps(("ana", "07:50"), ("bea", "08:20"), ("cam", "07:55"), ("cam", "12:00"))

    web = session_as("web", day.school.id)
    (course,) = courses_today(web, day.school.id, SCHOOL_DAY)

    assert course.students == 5
    assert course.counts == total([course])
    counts = course.counts
    assert (counts.expected, counts.entered, counts.late) == (5, 3, 1)
    assert (counts.inside, counts.left, counts.missing) == (2, 1, 2)
    assert arrivals_on(web, day.school.id, SCHOOL_DAY, ZONE) == [
        7 * 3600 + 50 * 60,
        7 * 3600 + 55 * 60,
        8 * 3600 + 20 * 60,
    ]


def test_nobody_is_missing_from_a_course_without_class_today(
    session: Session, session_as: SessionAs, day: Day
) -> None:
    students(session, day.course, "ana", "bea")
    sunday = date(2026, 3, 8)

    web = session_as("web", day.school.id)
    (course,) = courses_today(web, day.school.id, sunday)

    assert course.starts_at is None
    assert (course.counts.expected, course.counts.missing) == (0, 0)


def test_whoever_left_the_school_is_not_counted(
    session: Session, session_as: SessionAs, day: Day
) -> None:
    _, gone, to_come = students(session, day.course, "ana", "gone", "next")
    gone.left_on = SCHOOL_DAY
    to_come.enrolled_on = SCHOOL_DAY + timedelta(days=1)
    session.commit()

    web = session_as("web", day.school.id)

    assert total(courses_today(web, day.school.id, SCHOOL_DAY)).expected == 1
    assert len(students_today(web, day.school.id, SCHOOL_DAY)) == 1


def test_a_teacher_counts_their_own_courses_only(
    session: Session, session_as: SessionAs, day: Day
) -> None:
    other = a_course(session, day.school)
    students(session, day.course, "ana", "bea")
    students(session, other, "cam")
    day.taps(("ana", "07:50"), ("cam", "07:51"))

    web = session_as("web", day.school.id)
    own = courses_today(web, day.school.id, SCHOOL_DAY, {other.id})

    assert [course.id for course in own] == [other.id]
    assert arrivals_on(web, day.school.id, SCHOOL_DAY, ZONE, {other.id}) == [7 * 3600 + 51 * 60]


def test_the_usual_comes_from_the_last_six_same_weekdays_with_school(
    session: Session, session_as: SessionAs, day: Day
) -> None:
    students(session, day.course, "ana", "bea", "cam")
    weeks = [SCHOOL_DAY - timedelta(weeks=back) for back in range(1, 9)]
    for week in reversed(weeks):
        if week == weeks[1]:
            continue  # a holiday
        day.taps(("ana", "07:50"), on=week)
    day.taps(("bea", "08:10"), ("ana", "08:12"), on=weeks[0])  # bea late; ana goes again
    day.taps(("ana", "07:50"), on=SCHOOL_DAY - timedelta(days=1))  # another weekday

    web = session_as("web", day.school.id)
    earlier = usual_days(web, day.school.id, SCHOOL_DAY, ZONE)
    usual = usual_counts(earlier, EIGHT_FIFTEEN)

    assert len(earlier) == 6
    assert usual["entered"] == Usual(low=1, middle=1, high=2)
    assert usual["late"] == Usual(low=0, middle=0, high=1)
    assert usual["left"] == Usual(low=0, middle=0, high=1)
    assert usual["missing"] == Usual(low=1, middle=2, high=2)
    assert usual_counts(earlier, 7 * 3600)["entered"].high == 0


def test_a_new_school_has_no_usual(session: Session, session_as: SessionAs, day: Day) -> None:
    students(session, day.course, "ana")
    day.taps(("ana", "07:50"))

    assert usual_days(session_as("web", day.school.id), day.school.id, SCHOOL_DAY, ZONE) == []


def test_students_are_found_without_accents_and_with_their_state(
    session: Session, session_as: SessionAs, day: Day
) -> None:
    ana, bea, cam, dan = students(session, day.course, "ana", "bea", "cam", "dan")
    ana.given_names, bea.given_names = "María José", "Íñigo"
    cam.family_names, dan.family_names = "Núñez Ibáñez", "100% Rojas_"
    session.commit()
    day.taps(("ana", "07:50"), ("bea", "08:20"), ("cam", "07:55"), ("cam", "12:00"))

    web = session_as("web", day.school.id)

    def found(typed: str) -> list[tuple[int, str]]:
        students = students_found(web, day.school.id, SCHOOL_DAY, typed)
        return [(student.id, student.state) for student in students]

    assert found("jose maria") == [(ana.id, "inside")]
    assert found("INIGO munoz") == [(bea.id, "late")]
    assert found("nunez") == [(cam.id, "left")]
    assert found("100%") == [(dan.id, "missing")]
    assert found("%") == [(dan.id, "missing")]
    assert found("nobody") == []
    assert found("  ") == []


def test_whoever_is_called_so_comes_before_whoever_is_only_related(
    session: Session, session_as: SessionAs, day: Day
) -> None:
    first, second, third = students(session, day.course, "x", "y", "z")
    first.given_names, first.family_names = "Ana", "De la Rosa"
    second.given_names, second.family_names = "Zoe", "Rosales Pinto"
    third.given_names, third.family_names = "Rosa", "Zamora"
    session.commit()

    web = session_as("web", day.school.id)
    students_called = students_found(web, day.school.id, SCHOOL_DAY, "rosa")

    assert [student.id for student in students_called] == [third.id, second.id, first.id]


def test_students_are_counted_in_the_groups_that_the_figures_count(
    session: Session, session_as: SessionAs, day: Day
) -> None:
    students(session, day.course, "ana", "bea", "cam", "dan", "eva")
    students(session, a_course(session, day.school, starts_at=None), "free")
    day.taps(("ana", "07:50"), ("bea", "08:20"), ("cam", "07:55"), ("cam", "12:00"))
    day.taps(("eva", "08:30"), ("eva", "12:00"))

    everyone = students_today(session_as("web", day.school.id), day.school.id, SCHOOL_DAY)

    assert counts_by_group(everyone) == {
        "missing": 1,
        "late": 2,  # one of them has left
        "inside": 2,
        "left": 2,
        "justified": 0,
        "no_class": 1,
    }
    late = next(student for student in everyone if student.state == "late")
    assert (late.minutes_late, late.at) == (20, at("08:20"))


def test_another_schools_day_is_invisible(
    session: Session, session_as: SessionAs, day: Day
) -> None:
    students(session, day.course, "ana")
    day.taps(("ana", "07:50"))
    other = a_school(session)
    session.commit()

    stranger = session_as("web", other.id)

    assert courses_today(stranger, day.school.id, SCHOOL_DAY) == []
    assert arrivals_on(stranger, day.school.id, SCHOOL_DAY, ZONE) == []
    assert students_today(stranger, day.school.id, SCHOOL_DAY) == []
    assert usual_days(stranger, day.school.id, SCHOOL_DAY + timedelta(weeks=1), ZONE) == []
