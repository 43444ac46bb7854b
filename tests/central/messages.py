"""Messages for tests: rows in the queue, and values as a claim hands them out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from central.models import Gate, Guardian, Notification, School, Student
from central.notifications.channel import Message
from tests.builders import a_course, a_gate, a_guardian, a_school, a_student

_ordinals = count(1)

SEEN = datetime(2026, 3, 4, 11, 7, 30, tzinfo=UTC)  # 8:07 in Santiago


@dataclass
class Family:
    """A student with one guardian, at a gate of a school."""

    school: School
    student: Student
    guardian: Guardian
    gate: Gate


def a_family(
    session: Session, *, school: School | None = None, phone: str | None = None, gate: str = ""
) -> Family:
    school = school or a_school(session)
    student = a_student(session, a_course(session, school, starts_at=None))
    guardian = a_guardian(session, student, phone=phone)
    return Family(school, student, guardian, a_gate(session, school, name=gate))


def queued(session: Session, family: Family, **changes: Any) -> Notification:
    """A message in the queue about something that has just happened; commits."""
    now = datetime.now(UTC)
    values = {
        "school_id": family.school.id,
        "student_id": family.student.id,
        "guardian_id": family.guardian.id,
        "gate_id": family.gate.id,
        "kind": "entry",
        "on_date": now.date(),
        "ordinal": next(_ordinals),
        "fact_at": now,
        "due_at": now - timedelta(seconds=1),
    }
    notification = Notification(**(values | changes))
    session.add(notification)
    session.commit()
    return notification


def again(session: Session, notification: Notification) -> Notification:
    """The row as it stands in the database now."""
    session.rollback()
    session.refresh(notification)
    return notification


def statuses(session: Session) -> list[str]:
    """The status of every message, oldest first."""
    session.rollback()
    return list(session.scalars(text("SELECT status FROM notifications ORDER BY id")))


def a_message(**changes: Any) -> Message:
    message = Message(
        school_id=1,
        id=2,
        guardian_id=3,
        kind="entry",
        attempts=0,
        lease_until=SEEN + timedelta(minutes=1),
        fact_at=SEEN,
        timezone="America/Santiago",
        locale="es",
        stopped=False,
        phone="+56940000001",
        given_name="Sofía",
        gate="Puerta Norte",
    )
    return replace(message, **changes)


@contextmanager
def listening(owner: Engine) -> Iterator[Callable[[], list[str]]]:
    """Hear what is announced meanwhile: a function that gives it all, after a second of quiet."""
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("LISTEN school_events"))
        driver = connection.connection.driver_connection
        assert driver is not None
        yield lambda: [notice.payload for notice in driver.notifies(timeout=1)]
        connection.invalidate()  # back in the pool it would go on listening
