"""The ingest process against a real broker and a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.attendance.models import Tap
from central.devices.models import QuarantinedMessage
from central.settings import Settings
from contracts import topics
from contracts.messages import Receipt, TapBatch
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from tests.builders import a_tap
from tests.central.ingest_process import (
    SECONDS,
    GateClient,
    Ingest,
    a_class,
    gate_client,
    ingest_environment,
    own_broker,
)
from tests.central.recording import count


@pytest.fixture(scope="module")
def mosquitto(server_folder: Path) -> Iterator[Mosquitto]:
    with own_broker(server_folder) as server:
        yield server


@pytest.fixture(scope="module")
def running(
    settings: Settings, mosquitto: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ingest]:
    """One process for the tests that do not harm it."""
    log = tmp_path_factory.mktemp("ingest") / "ingest.log"
    ingest = Ingest(ingest_environment(settings, mosquitto, "running"), log)
    ingest.start()
    yield ingest
    ingest.kill()


@pytest.fixture
def gate(session: Session, mosquitto: Mosquitto) -> Iterator[GateClient]:
    name = f"gate-{uuid4().hex[:8]}"
    a_class(session, name)
    mosquitto.admit({name: name})
    with gate_client(mosquitto, name) as client:
        yield client


def quarantined_of(session: Session, device_id: str) -> list[str]:
    kept = select(QuarantinedMessage.reason).where(QuarantinedMessage.device_id == device_id)
    return list(session.scalars(kept))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"\xff" * 1_000_000, "payload: more than 262144 bytes", id="1 MB of garbage"),
        pytest.param(b"not JSON", "payload: not JSON (JSONDecodeError)", id="not JSON"),
        pytest.param(
            TapBatch("s1", (a_tap(1),)).to_json().replace(b"synced", b"soaked"),
            "taps[0].clock: expected one of repaired, synced, unsynced",
            id="a malformed tap",
        ),
    ],
)
def test_after_a_message_that_cannot_be_read_ingest_goes_on(
    session: Session, running: Ingest, gate: GateClient, payload: bytes, reason: str
) -> None:
    gate.send_raw(payload)
    gate.send(a_tap(2), a_tap(3), stream="s1")

    assert wait_until(lambda: gate.receipt().stream == "s1", SECONDS)
    assert quarantined_of(session, gate.device_id) == [reason]
    assert set(session.scalars(select(Tap.seq))) == {2, 3}
    assert running.process.alive()


def test_one_malformed_tap_does_not_take_its_neighbours_down(
    session: Session, running: Ingest, gate: GateClient
) -> None:
    taps: list[dict[str, Any]] = [a_tap(seq).wire() for seq in (1, 2, 3)]
    taps[1]["card"] = {"kind": "token"}

    gate.send_raw(json.dumps({"stream": "s1", "taps": taps}).encode())

    assert gate.receipt() == Receipt("s1", 3)
    assert set(session.scalars(select(Tap.seq))) == {1, 3}
    assert quarantined_of(session, gate.device_id) == ["taps[1].digest: expected text, got null"]


def test_a_device_cannot_speak_for_another(
    session: Session, mosquitto: Mosquitto, running: Ingest, gate: GateClient
) -> None:
    victim = f"gate-{uuid4().hex[:8]}"
    a_class(session, victim, students=2)

    gate.send_raw(TapBatch("s1", (a_tap(1),)).to_json(), topics.taps(victim))
    gate.send(a_tap(1))

    assert gate.receipt() == Receipt("s1", 1)
    assert count(session, Tap) == 1
    assert quarantined_of(session, victim) == []


def test_what_a_future_version_adds_is_ignored(
    session: Session, running: Ingest, gate: GateClient
) -> None:
    tap = a_tap(1).wire() | {"mood": "good"}

    gate.send_raw(json.dumps({"stream": "s1", "taps": [tap], "v": 9}).encode())

    assert gate.receipt() == Receipt("s1", 1)
    assert quarantined_of(session, gate.device_id) == []


def test_a_stream_that_begins_again_at_1_loses_nothing(
    session: Session, running: Ingest, gate: GateClient
) -> None:
    gate.send(a_tap(1), a_tap(2))
    gate.receipt()

    gate.send(a_tap(1, boot="boot-2"))

    assert gate.receipt() == Receipt("s1", 2)
    assert count(session, Tap) == 2
    assert quarantined_of(session, gate.device_id) == ["seq reused with other content"]


def test_a_receipt_waits_for_the_commit(
    session: Session, running: Ingest, gate: GateClient
) -> None:
    session.execute(text("LOCK TABLE taps IN SHARE MODE"))  # it can be read, not written
    gate.send(a_tap(1))
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock'")
    assert wait_until(lambda: bool(session.scalar(waiting)), SECONDS)
    before_the_commit = gate.receipts.empty()

    session.rollback()

    assert gate.receipt() == Receipt("s1", 1)
    assert before_the_commit
    assert count(session, Tap) == 1
