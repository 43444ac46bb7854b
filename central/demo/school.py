"""The rows of the demo school: people, timetables, cards, gates and accounts."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from central.accounts.models import Membership, User
from central.calendar.models import CalendarException, CourseSchedule, SchoolYear, Term
from central.cards.models import Card
from central.demo.calendar import demo_year, holidays
from central.demo.families import COURSES, DemoGuardian, DemoStudent, Family, families
from central.devices.models import Device, Gate
from central.no_shows.models import AlertPolicy
from central.people.models import (
    Course,
    Enrolment,
    Guardian,
    Student,
    StudentGuardian,
    TeacherCourse,
)
from central.schools.models import School, SiteKey
from contracts.cards import card_digest

SLUG = "demo"
NAME = "Colegio Los Aromos"
GATES: Mapping[str, str] = {"demo-norte": "Puerta Norte", "demo-sur": "Puerta Sur"}  # device → gate
STAFF: Mapping[str, tuple[str, str]] = {
    "director": ("directora@demo.example", "Marta Aguilera Soto"),
    "inspector": ("inspectora@demo.example", "Gloria Bustos Leiva"),
    "teacher": ("profesor@demo.example", "Andrés Pizarro Vega"),
    "technician": ("tecnico@demo.example", "Iván Carrasco Díaz"),
}


@dataclass(frozen=True, slots=True)
class PlasticCard:
    """What is physically on a card. Central keeps only its digest."""

    uid: bytes
    token: bytes


def plastic_card(box_key: bytes, number: int) -> PlasticCard:
    """The ``number``-th card of the demo's box of cards, always the same for one box."""
    content = hmac.digest(box_key, f"card {number}".encode(), "sha256")
    return PlasticCard(uid=b"\x04" + content[:6], token=content[16:])


def demo_school(session: Session) -> School | None:
    return session.scalars(select(School).where(School.slug == SLUG)).one_or_none()


def make_school(session: Session, box_key: bytes, password_hash: str, *, on: date) -> School:
    """Insert the whole demo school. Call once, as the owner of the database."""
    school = School(slug=SLUG, name=NAME)
    session.add(school)
    session.flush()
    session.add(SiteKey(school_id=school.id, key=secrets.token_bytes(32)))
    # so that whoever tries it sees a message for each tap
    session.add(AlertPolicy(school_id=school.id, tell_entries=True, tell_exits=True))
    _make_gates(session, school.id)
    _make_year(session, school.id, on)
    courses = _make_courses(session, school.id, year=on.year)
    _make_people(session, school.id, courses, enrolled_on=on - timedelta(days=200))
    _make_cards(session, school.id, box_key)
    _make_staff(session, school.id, courses, password_hash)
    return school


def _make_gates(session: Session, school_id: int) -> None:
    for device_id, name in GATES.items():
        gate = Gate(school_id=school_id, name=name)
        session.add(gate)
        session.flush()
        session.add(Device(school_id=school_id, id=device_id, gate_id=gate.id))


def _make_year(session: Session, school_id: int, on: date) -> None:
    """The school year, its terms and the holidays in it: demo data, see ``demo.calendar``."""
    demo = demo_year(on)
    year = SchoolYear(
        school_id=school_id,
        year=demo.year,
        starts_on=demo.span.starts_on,
        ends_on=demo.span.ends_on,
    )
    session.add(year)
    session.flush()
    session.add_all(
        Term(
            school_id=school_id,
            school_year_id=year.id,
            name=f"{number}.º semestre",
            starts_on=term.starts_on,
            ends_on=term.ends_on,
        )
        for number, term in enumerate(demo.terms, start=1)
    )
    session.add_all(
        CalendarException(
            school_id=school_id, from_on=day, until_on=day, kind="holiday", reason=name
        )
        for year_shown in range(demo.span.starts_on.year, demo.span.ends_on.year + 1)
        for day, name in holidays(year_shown)
        if demo.span.holds(day)
    )


def _make_courses(session: Session, school_id: int, *, year: int) -> list[int]:
    rows = [
        {"school_id": school_id, "year": year, "name": name, "position": position}
        for position, name in enumerate(COURSES)
    ]
    courses = _insert(session, Course, rows)
    session.execute(
        insert(CourseSchedule),
        [
            {
                "school_id": school_id,
                "course_id": course,
                "weekday": weekday,
                "starts_at": time(8, 0),
                "ends_at": time(13, 0) if weekday == 5 else time(15, 30),
                "tolerance_minutes": 5,
            }
            for course in courses
            for weekday in range(1, 6)
        ],
    )
    return courses


def _make_people(
    session: Session, school_id: int, courses: Sequence[int], *, enrolled_on: date
) -> None:
    everyone = list(families())
    children = [child for family in everyone for child in family.children]
    adults = [adult for family in everyone for adult in family.guardians]
    students = _insert(
        session,
        Student,
        [_student_row(school_id, courses, child, enrolled_on) for child in children],
    )
    session.execute(
        insert(Enrolment),
        [
            {
                "school_id": school_id,
                "student_id": student,
                "course_id": courses[child.course],
                "from_on": enrolled_on,
            }
            for student, child in zip(students, children, strict=True)
        ],
    )
    guardians = _insert(session, Guardian, [_guardian_row(school_id, adult) for adult in adults])
    session.execute(
        insert(StudentGuardian), _link_rows(school_id, everyone, iter(students), iter(guardians))
    )


def _student_row(
    school_id: int, courses: Sequence[int], child: DemoStudent, enrolled_on: date
) -> dict[str, Any]:
    return {
        "school_id": school_id,
        "course_id": courses[child.course],
        "given_names": child.given_names,
        "family_names": child.family_names,
        "photo_opt_in": child.photo_opt_in,
        "enrolled_on": enrolled_on,
    }


def _guardian_row(school_id: int, adult: DemoGuardian) -> dict[str, Any]:
    return {"school_id": school_id, "full_name": adult.full_name, "phone": adult.phone}


def _link_rows(
    school_id: int, everyone: Sequence[Family], students: Any, guardians: Any
) -> list[dict[str, Any]]:
    rows = []
    for family in everyone:
        children = [next(students) for _ in family.children]
        for adult in family.guardians:
            guardian = next(guardians)
            rows += [
                {
                    "school_id": school_id,
                    "student_id": child,
                    "guardian_id": guardian,
                    "relationship": adult.relationship,
                    "notify_entry": adult.told,
                    "notify_exit": adult.told,
                }
                for child in children
            ]
    return rows


def _make_cards(session: Session, school_id: int, box_key: bytes) -> None:
    site_key = session.scalars(select(SiteKey.key).where(SiteKey.school_id == school_id)).one()
    students = session.scalars(select(Student.id).where(Student.school_id == school_id))
    session.execute(
        insert(Card),
        [
            {
                "school_id": school_id,
                "digest": card_digest(site_key, plastic_card(box_key, student).token),
                "kind": "token",
                "student_id": student,
                "label": f"{student:04}",
            }
            for student in students
        ],
    )


def _make_staff(
    session: Session, school_id: int, courses: Sequence[int], password_hash: str
) -> None:
    for role, (email, name) in STAFF.items():
        user = User(email=email, full_name=name, password_hash=password_hash)
        session.add(user)
        session.flush()
        session.add(Membership(school_id=school_id, user_id=user.id, role=role))
        if role == "teacher":
            session.add_all(
                TeacherCourse(school_id=school_id, user_id=user.id, course_id=course)
                for course in courses[:4]
            )


def _insert(session: Session, model: Any, rows: list[dict[str, Any]]) -> list[int]:
    """Insert many rows in one statement; their ids, in the order of ``rows``."""
    statement = insert(model).returning(model.id, sort_by_parameter_order=True)
    return list(session.scalars(statement, rows))
