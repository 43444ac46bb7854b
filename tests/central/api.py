"""Calling the API as somebody, and a school morning to read through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apiflask import APIFlask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.accounts.models import Membership, User
from central.accounts.tokens import Claims, Signer
from central.attendance.models import AttendanceDay, Tap
from central.devices.models import Device, Gate, Stream
from central.notifications.models import Notification
from central.people.models import Guardian, Student, TeacherCourse
from central.schools.models import School
from tests.builders import (
    MORNING,
    SCHOOL_DAY,
    a_course,
    a_device,
    a_digest,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    a_user,
    minutes,
)
from tests.central.conftest import SECRET


@dataclass
class Caller:
    """A client of the API with somebody's access token."""

    app: APIFlask
    token: str

    def post(self, path: str, content: Mapping[str, Any]) -> TestResponse:
        return self.app.test_client().post(
            f"/api/v1{path}", json=content, headers={"Authorization": f"Bearer {self.token}"}
        )

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.app.test_client().get(
            f"/api/v1{path}",
            query_string=query,
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json["items"]  # type: ignore[index]  # it is JSON
        return found

    def pages(self, path: str, **query: Any) -> list[list[dict[str, Any]]]:
        """Every page of a list, following ``next``."""
        found: list[list[dict[str, Any]]] = []
        cursor: dict[str, str] = {}
        while True:
            body: Any = self.get(path, **query, **cursor).json
            found.append(body["items"])
            if body["next"] is None:
                return found
            cursor = {"cursor": body["next"]}


def a_member(session: Session, school: School, *roles: str, **user: Any) -> User:
    person = a_user(session, **user)
    session.add_all(Membership(school_id=school.id, user_id=person.id, role=role) for role in roles)
    session.commit()
    return person


def a_caller(app: APIFlask, school: School, person: User) -> Caller:
    claims = Claims(person.id, school.id, frozenset())
    return Caller(app, Signer(SECRET).issue(claims, now=datetime.now(UTC)))


def a_caller_as(app: APIFlask, session: Session, school: School, *roles: str) -> Caller:
    return a_caller(app, school, a_member(session, school, *roles))


@dataclass
class Morning:
    """Two courses with a student each; both students and an unknown card tapped."""

    school: School
    gate: Gate
    device: Device
    stream: Stream
    first: Student
    second: Student
    guardian: Guardian


def a_morning(session: Session) -> Morning:
    school = a_school(session)
    gate = a_gate(session, school, name="Puerta Norte")
    device = a_device(session, gate)
    stream = Stream(school_id=school.id, device_id=device.id, key="s1")
    first = a_student(session, a_course(session, school), given="Sofía")
    second = a_student(session, a_course(session, school), given="Ñusta")
    guardian = a_guardian(session, first)
    session.add(stream)
    session.flush()
    morning = Morning(school, gate, device, stream, first, second, guardian)
    tap_of(session, morning, first, 1)
    tap_of(session, morning, None, 2)
    tap_of(session, morning, second, 3)
    for student in (first, second):
        day_of(session, student)
    message_about(session, morning)
    session.commit()
    return morning


def tap_of(
    session: Session, morning: Morning, student: Student | None, seq: int, *, after: float = 0
) -> Tap:
    """A tap at the morning's gate, ``after`` minutes from its beginning."""
    tap = Tap(
        school_id=morning.school.id,
        stream_id=morning.stream.id,
        seq=seq,
        student_id=student.id if student else None,
        gate_id=morning.gate.id,
        direction="auto",
        tapped_at=MORNING + minutes(after),
        on_date=SCHOOL_DAY,
        clock="synced",
        boot="b1",
        up_ms=seq * 1000,
        reader="r1",
        card_kind="token",
        digest=a_digest(student.id if student else "unknown"),
        verdict="accepted" if student else "unknown",
    )
    session.add(tap)
    session.flush()
    return tap


def day_of(session: Session, student: Student, **changes: Any) -> AttendanceDay:
    values = {
        "on_date": SCHOOL_DAY,
        "status": "present",
        "first_entry_at": MORNING,
        "inside": True,
        "passages": 1,
        "confidence": "sure",
    }
    day = AttendanceDay(school_id=student.school_id, student_id=student.id, **(values | changes))
    session.add(day)
    session.flush()
    return day


def message_about(session: Session, morning: Morning, **changes: Any) -> Notification:
    values = {
        "kind": "entry",
        "on_date": SCHOOL_DAY,
        "ordinal": 1,
        "status": "delivered",
        "provider_id": "wamid.secret",
        "error": "something about +56940000001",
    }
    message = Notification(
        school_id=morning.school.id,
        student_id=morning.first.id,
        guardian_id=morning.guardian.id,
        gate_id=morning.gate.id,
        fact_at=MORNING,
        due_at=MORNING,
        **(values | changes),
    )
    session.add(message)
    session.flush()
    return message


def taught_by(session: Session, person: User, student: Student) -> None:
    """Make the person a teacher of the student's course."""
    session.add(
        TeacherCourse(school_id=student.school_id, user_id=person.id, course_id=student.course_id)
    )
    session.commit()
