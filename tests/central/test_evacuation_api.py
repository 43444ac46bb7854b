"""The building and attendance over a time, as programs read them."""

from __future__ import annotations

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay, DayClosing
from central.evacuation import service
from central.people.models import TeacherCourse
from tests.builders import MORNING, SCHOOL_DAY, a_course, a_guardian, a_school, a_student
from tests.central.api import a_caller, a_caller_as, a_member
from tests.central.evacuations import FullHouse, a_full_house, a_mark


@pytest.fixture
def house(session: Session) -> FullHouse:
    return a_full_house(session)


def test_who_is_inside_comes_page_by_page_without_telephones(
    app: APIFlask, session: Session, house: FullHouse
) -> None:
    phone = a_guardian(session, house.inside[0]).phone or "?"
    session.commit()
    inspector = a_caller_as(app, session, house.school, "inspector")

    pages = inspector.pages("/inside", limit=2)

    assert [[item["student_id"] for item in page] for page in pages] == [
        [house.inside[0].id, house.inside[1].id],
        [house.inside[2].id],
    ]
    assert [item["sure"] for page in pages for item in page] == [True, True, False]
    assert phone not in str(pages)


def test_a_teacher_reads_the_own_courses_inside_but_every_course_of_an_evacuation(
    app: APIFlask, session: Session, house: FullHouse
) -> None:
    person = a_member(session, house.school, "teacher")
    session.add(
        TeacherCourse(school_id=house.school.id, user_id=person.id, course_id=house.courses[1].id)
    )
    session.commit()
    begun = service.start(session, house.school.id, "drill", person.id, house.today, now=MORNING)
    service.mark(session, house.school.id, begun, [a_mark(house.inside[0])], person.id, now=MORNING)
    session.commit()
    teacher = a_caller(app, house.school, person)

    inside = teacher.items("/inside")
    listed = teacher.items(f"/evacuations/{begun}/students")

    assert [item["student_id"] for item in inside] == [house.inside[2].id]
    assert [(item["student_id"], item["state"]) for item in listed] == [
        (house.inside[0].id, "safe"),
        (house.inside[1].id, "unmarked"),
        (house.inside[2].id, "unmarked"),
    ]
    assert [item["id"] for item in teacher.items("/evacuations")] == [begun]
    assert teacher.get(f"/evacuations/{begun}").json["ended_at"] is None  # type: ignore[index]
    assert teacher.get("/evacuations/999999").status_code == 404


def test_a_technician_reads_none_of_it(app: APIFlask, session: Session, house: FullHouse) -> None:
    technician = a_caller_as(app, session, house.school, "technician")

    for path in ("/inside", "/evacuations", "/reports/attendance"):
        assert technician.get(path).status_code == 403


def test_attendance_of_a_period_by_course_band_and_student(app: APIFlask, session: Session) -> None:
    school = a_school(session)
    course = a_course(session, school)
    statuses = {"present": a_student(session, course), "absent": a_student(session, course)}
    session.add_all(
        AttendanceDay(
            school_id=school.id,
            student_id=student.id,
            on_date=SCHOOL_DAY,
            status=status,
            inside=False,
            passages=0,
            confidence="sure",
        )
        for status, student in statuses.items()
    )
    session.add(DayClosing(school_id=school.id, on_date=SCHOOL_DAY))
    session.commit()
    director = a_caller_as(app, session, school, "director")
    period = {"from": "2026-03-01", "to": "2026-03-31"}

    report = director.get("/reports/attendance", **period).json
    severe = director.items("/reports/attendance/students", band="severe", **period)

    assert report is not None
    assert (report["closed_days"], report["open_days"]) == (1, 0)
    assert report["total"]["percent"] == 50.0
    assert report["bands"] == {"normal": 1, "at_risk": 0, "chronic": 0, "severe": 1}
    assert [one["course_id"] for one in report["courses"]] == [course.id]
    assert [one["student_id"] for one in severe] == [statuses["absent"].id]


@pytest.mark.parametrize(
    "period",
    [
        {"from": "2026-03-02", "to": "2026-03-01"},
        {"from": "2020-01-01", "to": "2026-03-01"},
        {"to": "1999-12-31"},
    ],
)
def test_a_period_that_makes_no_sense_is_refused(
    app: APIFlask, session: Session, period: dict[str, str]
) -> None:
    director = a_caller_as(app, session, a_school(session), "director")

    assert director.get("/reports/attendance", **period).status_code == 409
