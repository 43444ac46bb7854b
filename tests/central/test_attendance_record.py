"""Recording taps: the one way in, against a real PostgreSQL as the role that ingest has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay, Tap
from central.attendance.service import SentTaps, record_taps
from central.devices.models import QuarantinedMessage, Stream
from central.errors import NotFound
from central.notifications.models import Notification
from contracts.messages import Receipt, TapBatch, TapRead
from tests.builders import (
    MORNING,
    a_course,
    a_device,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    a_tap,
    minutes,
)

SessionAs = Callable[..., Session]


def sent(device: str, *taps: TapRead, stream: str = "s1") -> SentTaps:
    return SentTaps(device, TapBatch(stream, taps))


def count(session: Session, model: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_tap_becomes_a_day_and_a_message(session: Session, session_as: SessionAs) -> None:
    school = a_school(session)
    student = a_student(session, a_course(session, school), card="c1")
    a_guardian(session, student)
    a_device(session, a_gate(session, school), name="gate-1")
    session.commit()

    ingest = session_as("ingest", school.id)
    recorded = record_taps(ingest, [sent("gate-1", a_tap())], now=MORNING + minutes(1))
    ingest.commit()

    assert recorded.receipts == (("gate-1", Receipt("s1", 1)),)
    day = session.scalars(select(AttendanceDay)).one()
    assert (day.status, day.first_entry_at, day.inside) == ("present", MORNING, True)
    message = session.scalars(select(Notification)).one()
    assert (message.kind, message.ordinal, message.fact_at) == ("entry", 1, MORNING)
