"""Whole batches of messages in one transaction, whatever is among them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.attendance.models import Tap
from central.attendance.service import Recorded
from central.devices.models import Device
from central.devices.quarantine import KEPT_BYTES
from central.ingest.batch import UNKNOWN_DEVICE, store
from central.ingest.reading import Received
from contracts import topics
from contracts.messages import DeviceStatus, Receipt, TapBatch, TapRead
from tests.builders import MORNING, a_tap
from tests.central.recording import (
    SOON,
    SessionAs,
    SmallSchool,
    a_small_school,
    count,
    quarantined,
)


@pytest.fixture
def place(session: Session) -> SmallSchool:
    return a_small_school(session)


@pytest.fixture
def ingest(session_as: SessionAs) -> Session:
    return session_as("ingest")


def taps(device: str, *read: TapRead) -> Received:
    return Received(topics.taps(device), TapBatch("s1", read).to_json())


def status(device: str, online: bool, number: int, at: datetime = MORNING) -> Received:
    told = DeviceStatus(online, number, "1.0", at)
    return Received(topics.status(device), told.to_json())


def keep(ingest: Session, *messages: Received) -> Recorded:
    recorded = store(ingest, messages, now=SOON)
    ingest.commit()
    return recorded


def test_schools_of_a_batch_are_named_by_their_devices(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    other = a_small_school(session)

    recorded = keep(ingest, taps(place.gate, a_tap()), taps(other.gate, a_tap()))

    assert dict(recorded.receipts) == {
        place.gate: Receipt("s1", 1),
        other.gate: Receipt("s1", 1),
    }
    assert set(session.scalars(select(Tap.school_id))) == {place.school.id, other.school.id}


def test_a_message_that_is_garbage_does_not_hold_up_the_others(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    garbage = Received(topics.taps(place.gate), b"\xff" * 1_000_000)

    recorded = keep(ingest, garbage, taps(place.gate, a_tap()), garbage)

    assert recorded.receipts == ((place.gate, Receipt("s1", 1)),)
    (kept,) = quarantined(session)
    assert (kept.school_id, kept.device_id, kept.topic) == (
        place.school.id,
        place.gate,
        topics.taps(place.gate),
    )
    assert kept.reason.startswith("payload: more than")
    assert (len(kept.payload), kept.payload_bytes) == (KEPT_BYTES, 1_000_000)


def test_messages_that_begin_alike_are_kept_apart(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    beginning = b"x" * KEPT_BYTES

    keep(
        ingest,
        Received(topics.taps(place.gate), beginning + b"1"),
        Received(topics.taps(place.gate), beginning + b"2"),
    )

    assert len(quarantined(session)) == 2


@pytest.mark.parametrize("revoked", [False, True])
def test_taps_of_a_device_that_is_not_ours_are_quarantined_without_a_receipt(
    session: Session, place: SmallSchool, ingest: Session, revoked: bool
) -> None:
    name = "no-such-gate"
    if revoked:
        name = place.gate
        session.scalars(select(Device).where(Device.id == name)).one().revoked_at = MORNING
        session.commit()

    recorded = keep(ingest, taps(name, a_tap()))
    keep(ingest, taps(name, a_tap()))

    assert recorded == Recorded()
    assert count(session, Tap) == 0
    (kept,) = quarantined(session)
    assert (kept.school_id, kept.device_id, kept.reason) == (None, name, UNKNOWN_DEVICE)


def test_a_topic_of_no_device_is_quarantined(session: Session, ingest: Session) -> None:
    keep(ingest, Received("gate/v1/Ñandú/up/taps", b"{}"))

    (kept,) = quarantined(session)
    assert (kept.topic, kept.device_id) == ("gate/v1/Ñandú/up/taps", None)


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
_TAP = a_tap(1).wire()
# A valid tap of which some fields have become anything.
_odd_taps = st.dictionaries(st.sampled_from(sorted(_TAP)), _values).map(
    lambda changes: _TAP | changes
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(odd=st.lists(_odd_taps | _values, max_size=5), stream=st.just("s1") | st.text(max_size=4))
def test_no_message_makes_the_database_refuse_a_batch(
    place: SmallSchool, ingest: Session, odd: list[Any], stream: str
) -> None:
    payload = json.dumps({"stream": stream, "taps": odd}).encode()

    keep(ingest, Received(topics.taps(place.gate), payload))


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("told", "latest"),
    [
        pytest.param([(True, 1)], (True, 1), id="birth"),
        pytest.param([(True, 1), (False, 1)], (False, 1), id="birth and will"),
        pytest.param([(False, 1), (True, 1)], (False, 1), id="the will overtook the birth"),
        pytest.param(
            [(True, 1), (True, 2), (False, 1)], (True, 2), id="the will of an older session"
        ),
        pytest.param([(True, 2), (True, 1)], (True, 2), id="an older birth again"),
        pytest.param([(False, 1), (True, 2)], (True, 2), id="back again"),
    ],
)
def test_the_latest_session_says_whether_a_device_is_online(
    session: Session,
    place: SmallSchool,
    ingest: Session,
    told: list[tuple[bool, int]],
    latest: tuple[bool, int],
    together: bool,
) -> None:
    messages = [status(place.gate, is_online, one) for is_online, one in told]

    if together:
        keep(ingest, *messages)
    else:
        for message in messages:
            keep(ingest, message)

    device = session.scalars(select(Device).where(Device.id == place.gate)).one()
    assert (device.online, device.session) == latest
    assert (device.version, device.status_at) == ("1.0", MORNING)


def test_a_status_that_says_nothing_new_writes_nothing(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    version = text("SELECT xmin::text FROM devices WHERE id = :id").bindparams(id=place.gate)
    keep(ingest, status(place.gate, True, 1))
    before = session.scalar(version)

    keep(ingest, status(place.gate, True, 1))

    assert session.scalar(version) == before
