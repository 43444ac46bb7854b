"""What the board says needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from central.attendance.attention_queries import (
    MessageTrouble,
    gates_in_trouble,
    messages_in_trouble,
    unknown_cards,
    unreadable_messages,
)
from central.devices.models import Device, QuarantinedMessage
from central.schools.models import School
from tests.builders import (
    MORNING,
    SCHOOL_DAY,
    a_course,
    a_device,
    a_gate,
    a_school,
    a_student,
    a_tap,
    minutes,
)
from tests.central.messages import a_family, queued
from tests.central.recording import SessionAs, record, sent

NOW = MORNING + minutes(30)


@dataclass
class TwoGates:
    school: School
    north: Device
    south: Device


@pytest.fixture
def gates(session: Session) -> TwoGates:
    school = a_school(session)
    devices = []
    for name in ("Norte", "Sur"):
        device = a_device(session, a_gate(session, school, name=name))
        device.online, device.status_at = True, MORNING - minutes(60)
        devices.append(device)
    session.commit()
    return TwoGates(school, *devices)


def troubles(session_as: SessionAs, gates: TwoGates) -> list[tuple[str, str]]:
    web = session_as("web", gates.school.id)
    found = gates_in_trouble(web, gates.school.id, SCHOOL_DAY, now=NOW)
    return [(trouble.kind, trouble.gate) for trouble in found]


def rush(session: Session, ingest: Session, gates: TwoGates, *, south_until: int) -> None:
    """A child a minute at each gate; the southern one falls silent after some minutes."""
    course = a_course(session, gates.school)
    for number in range(30):
        a_student(session, course, card=number)
    session.commit()
    each_minute = [(number, MORNING + minutes(number)) for number in range(30)]
    north = [a_tap(1 + number, card=number, at=at) for number, at in each_minute]
    south = [a_tap(1 + number, card=number, at=at) for number, at in each_minute[:south_until]]
    record(ingest, sent(gates.north.id, *north), sent(gates.south.id, *south), now=NOW)


def test_gates_that_are_connected_and_read_cards_need_nobody(
    session: Session, session_as: SessionAs, gates: TwoGates
) -> None:
    rush(session, session_as("ingest", gates.school.id), gates, south_until=30)

    assert troubles(session_as, gates) == []


def test_a_gate_that_went_offline_is_told_with_the_time(
    session: Session, session_as: SessionAs, gates: TwoGates
) -> None:
    gates.north.online, gates.north.status_at = False, MORNING + minutes(2)
    session.commit()

    web = session_as("web", gates.school.id)
    (trouble,) = gates_in_trouble(web, gates.school.id, SCHOOL_DAY, now=NOW)

    assert (trouble.kind, trouble.gate) == ("offline", "Norte")
    assert trouble.since == MORNING + minutes(2)


def test_a_connected_gate_whose_reader_is_dead_is_noticed_by_its_missing_share(
    session: Session, session_as: SessionAs, gates: TwoGates
) -> None:
    rush(session, session_as("ingest", gates.school.id), gates, south_until=18)

    assert troubles(session_as, gates) == [("quiet", "Sur")]


def test_a_new_gate_a_revoked_one_and_a_kiosk(
    session: Session, session_as: SessionAs, gates: TwoGates
) -> None:
    place = a_gate(session, gates.school, name="Nueva")
    a_device(session, place)
    a_device(session, place).revoked_at = MORNING
    a_device(session, place).kind = "kiosk"
    session.commit()

    assert troubles(session_as, gates) == [("never", "Nueva")]


def test_a_gate_unsure_of_its_clock_comes_after_one_that_is_offline(
    session: Session, session_as: SessionAs, gates: TwoGates
) -> None:
    gates.south.online = False
    session.commit()
    ingest = session_as("ingest", gates.school.id)
    record(ingest, sent(gates.north.id, a_tap(1, clock="unsynced")), now=NOW)

    assert troubles(session_as, gates) == [("offline", "Sur"), ("clock", "Norte")]


def test_unknown_cards_are_counted_once_each_and_the_last_is_placed(
    session_as: SessionAs, gates: TwoGates
) -> None:
    ingest = session_as("ingest", gates.school.id)
    unknown = [
        a_tap(1, card="x", verdict="unknown"),
        a_tap(2, card="x", verdict="unknown", at=MORNING + minutes(3)),
        a_tap(3, card="y", verdict="unknown", at=MORNING + minutes(1)),
    ]
    web = session_as("web", gates.school.id)
    none_yet = unknown_cards(web, gates.school.id, SCHOOL_DAY)
    web.rollback()

    record(ingest, sent(gates.south.id, *unknown), now=NOW)
    cards = unknown_cards(web, gates.school.id, SCHOOL_DAY)

    assert none_yet is None
    assert cards is not None
    assert (cards.cards, cards.last_at, cards.gate) == (2, MORNING + minutes(3), "Sur")


def test_messages_that_failed_are_unsure_or_wait_too_long(
    session: Session, session_as: SessionAs
) -> None:
    family = a_family(session)
    made = {"created_at": MORNING, "due_at": MORNING}
    for status in ("failed", "failed", "unknown", "sent", "read"):
        queued(session, family, status=status, **made)
    queued(session, family, **made)
    queued(session, family, created_at=NOW, due_at=NOW)
    queued(session, family, status="failed", created_at=MORNING - timedelta(days=1))

    web = session_as("web", family.school.id)
    trouble = messages_in_trouble(web, family.school.id, MORNING - minutes(60), now=NOW)

    assert trouble == MessageTrouble(failed=2, unknown=1, stuck=1)


def test_unreadable_messages_of_today_and_of_this_school(
    session: Session, session_as: SessionAs, gates: TwoGates
) -> None:
    other = a_school(session)
    for number, (school, received_at) in enumerate(
        [
            (gates.school.id, MORNING),
            (gates.school.id, MORNING - timedelta(days=1)),
            (other.id, MORNING),
            (None, MORNING),
        ]
    ):
        session.add(
            QuarantinedMessage(
                school_id=school,
                fingerprint=bytes([number]) * 32,
                topic="gate/v1/x/up/taps",
                reason="not JSON",
                payload=b"?",
                payload_bytes=1,
                received_at=received_at,
            )
        )
    session.commit()

    web = session_as("web", gates.school.id)

    assert unreadable_messages(web, gates.school.id, MORNING - minutes(60)) == 1
