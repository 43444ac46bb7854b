"""Rows and messages with sensible values, so that a test states only what matters to it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from central.models import (
    AlertPolicy,
    Card,
    Course,
    CourseSchedule,
    Device,
    Enrolment,
    Gate,
    Guardian,
    School,
    SiteKey,
    Student,
    StudentGuardian,
    User,
)
from contracts.messages import Card as CardRead
from contracts.messages import TapRead

MORNING = datetime(2026, 3, 4, 10, 50, tzinfo=UTC)  # Wednesday, 7:50 in Santiago (UTC-3 in March)
SCHOOL_DAY = date(2026, 3, 4)
_numbers = count(1)


def a_digest(name: object) -> bytes:
    """A card digest that is always the same for the same ``name``."""
    return hashlib.sha256(f"card {name}".encode()).digest()[:16]


def a_tap(seq: int = 1, *, card: object = "c1", at: datetime = MORNING, **changes: Any) -> TapRead:
    tap = TapRead(
        seq=seq,
        at=at,
        clock="synced",
        boot="boot-1",
        up_ms=seq * 1000,
        reader="r1",
        card=CardRead("token", a_digest(card).hex()),
        verdict="accepted",
    )
    return replace(tap, **changes)


def a_school(session: Session, *, slug: str = "", timezone: str = "America/Santiago") -> School:
    """A school whose families hear of entries and exits, as far as they asked for it."""
    number = next(_numbers)
    school = School(slug=slug or f"school-{number}", name=f"Colegio {number}", timezone=timezone)
    session.add(school)
    session.flush()
    session.add(SiteKey(school_id=school.id, key=bytes(32)))
    session.add(AlertPolicy(school_id=school.id, tell_entries=True, tell_exits=True))
    session.flush()
    return school


def a_course(session: Session, school: School, *, starts_at: time | None = time(8)) -> Course:
    """A course expected on every weekday from ``starts_at`` to 15:30; with None, never."""
    course = Course(school_id=school.id, year=2026, name=f"{next(_numbers)}° Básico A")
    session.add(course)
    session.flush()
    if starts_at is not None:
        session.add_all(
            CourseSchedule(
                school_id=school.id,
                course_id=course.id,
                weekday=weekday,
                starts_at=starts_at,
                ends_at=time(15, 30),
                tolerance_minutes=5,
            )
            for weekday in range(1, 6)
        )
        session.flush()
    return course


def a_student(
    session: Session, course: Course, *, card: object = None, given: str = "Sofía"
) -> Student:
    """A student holding the card whose digest is ``a_digest(card)``, if one is named."""
    student = Student(
        school_id=course.school_id,
        course_id=course.id,
        given_names=given,
        family_names="Rojas Muñoz",
        enrolled_on=date(2025, 3, 1),
    )
    session.add(student)
    session.flush()
    session.add(
        Enrolment(
            school_id=course.school_id,
            student_id=student.id,
            course_id=course.id,
            from_on=student.enrolled_on,
        )
    )
    session.flush()
    if card is not None:
        a_card(session, student, card)
    return student


def a_card(session: Session, student: Student, name: object) -> Card:
    """One more card of a student, of the digest ``a_digest(name)``."""
    card = Card(
        school_id=student.school_id,
        digest=a_digest(name),
        kind="token",
        student_id=student.id,
    )
    session.add(card)
    session.flush()
    return card


def a_guardian(
    session: Session, *students: Student, phone: str | None = None, told: bool = True
) -> Guardian:
    number = next(_numbers)
    guardian = Guardian(
        school_id=students[0].school_id,
        full_name=f"Apoderada {number}",
        phone=phone or f"+569{40_000_000 + number}",
    )
    session.add(guardian)
    session.flush()
    session.add_all(
        StudentGuardian(
            school_id=student.school_id,
            student_id=student.id,
            guardian_id=guardian.id,
            relationship="mother",
            notify_entry=told,
            notify_exit=told,
        )
        for student in students
    )
    session.flush()
    return guardian


def a_gate(session: Session, school: School, *, name: str = "") -> Gate:
    gate = Gate(school_id=school.id, name=name or f"Puerta {next(_numbers)}")
    session.add(gate)
    session.flush()
    return gate


def a_device(session: Session, gate: Gate, *, name: str = "", direction: str = "auto") -> Device:
    device = Device(
        school_id=gate.school_id,
        id=name or f"gate-{next(_numbers):03}",
        gate_id=gate.id,
        direction=direction,
    )
    session.add(device)
    session.flush()
    return device


def a_user(session: Session, *, email: str = "", password_hash: str | None = None) -> User:
    number = next(_numbers)
    user = User(
        email=email or f"persona{number}@colegio.example",
        full_name=f"Persona {number}",
        password_hash=password_hash,
    )
    session.add(user)
    session.flush()
    return user


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)
