"""A small school at whose gates taps are recorded, as the role that ingest has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay
from central.attendance.service import Recorded, SentTaps, record_taps
from central.devices.models import QuarantinedMessage
from central.notifications.models import Notification
from central.people.models import Course, Guardian, Student
from central.schools.models import School
from contracts.messages import RefusedTap, TapBatch, TapRead
from tests.builders import (
    MORNING,
    a_course,
    a_device,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    minutes,
)

SessionAs = Callable[..., Session]
SOON = MORNING + minutes(1)  # when central gets what was tapped in the morning


@dataclass(frozen=True)
class SmallSchool:
    """One student with card ``c1`` and one guardian; devices in, out and both ways."""

    school: School
    course: Course
    student: Student
    guardian: Guardian
    entrance: str
    exit: str
    gate: str


def a_small_school(session: Session, *, timezone: str = "America/Santiago") -> SmallSchool:
    school = a_school(session, timezone=timezone)
    course = a_course(session, school)
    student = a_student(session, course, card="c1")
    guardian = a_guardian(session, student)
    entrance = a_device(session, a_gate(session, school), direction="in").id
    way_out = a_device(session, a_gate(session, school), direction="out").id
    gate = a_device(session, a_gate(session, school)).id
    session.commit()
    return SmallSchool(school, course, student, guardian, entrance, way_out, gate)


def sent(
    device: str, *taps: TapRead, stream: str = "s1", refused: Sequence[RefusedTap] = ()
) -> SentTaps:
    return SentTaps(device, TapBatch(stream, taps, tuple(refused)))


def record(ingest: Session, *batch: SentTaps, now: datetime = SOON) -> Recorded:
    """Record and commit, as ingest does."""
    recorded = record_taps(ingest, batch, now=now)
    ingest.commit()
    return recorded


def count(session: Session, model: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def the_day(session: Session) -> AttendanceDay:
    """The only attendance day there is."""
    session.expire_all()
    return session.scalars(select(AttendanceDay)).one()


def told(session: Session) -> list[tuple[str, datetime]]:
    """What guardians are told, in the order in which it was queued."""
    rows = session.execute(
        select(Notification.kind, Notification.fact_at).order_by(Notification.id)
    )
    return [(kind, fact_at) for kind, fact_at in rows]


def quarantined(session: Session) -> list[QuarantinedMessage]:
    return list(session.scalars(select(QuarantinedMessage).order_by(QuarantinedMessage.id)))
