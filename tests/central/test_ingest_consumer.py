"""The loop against a real broker: what is acknowledged when, and what happens when it fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay, Tap
from central.attendance.service import Recorded
from central.devices.models import Device
from central.ingest.buffer import MOST_MESSAGES
from central.ingest.consumer import Broker, Consumer, Store
from central.ingest.database import Database, DatabaseUnavailable
from central.ingest.reading import Received, read
from central.settings import Settings
from contracts import topics
from contracts.messages import DeviceStatus, Receipt
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from tests.builders import MORNING, a_course, a_gate, a_school, a_student, a_tap
from tests.central.ingest_process import SECONDS, GateClient, gate_client, own_broker
from tests.central.recording import count


class ScriptedStore:
    """Keeps in memory what it is given; ``failures`` are raised first, one a batch with taps."""

    def __init__(self, *failures: Exception, notifications: int = 0) -> None:
        self.batches: list[list[int]] = []
        self.heard_from: set[str] = set()
        self._failures = list(failures)
        self._notifications = notifications

    def probe(self) -> None:
        pass

    def store(self, messages: Sequence[Received]) -> Recorded:
        found = read(messages)
        self.heard_from |= {device_id for _, device_id, _ in found.statuses}
        taps = [tap.seq for _, sent in found.taps for tap in sent.batch.taps]
        if taps and self._failures:
            raise self._failures.pop(0)
        if taps:
            self.batches.append(taps)
        return Recorded((), len(taps), self._notifications if taps else 0)

    @property
    def seqs(self) -> list[int]:
        return [seq for batch in self.batches for seq in batch]


class Running:
    """A consumer in a thread; ``error`` is what ended it."""

    def __init__(self, consumer: Consumer) -> None:
        self.error: BaseException | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(consumer,))
        self._thread.start()

    def _run(self, consumer: Consumer) -> None:
        try:
            consumer.run(self._stopping)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.error = error

    def ended(self) -> bool:
        return not self._thread.is_alive()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(SECONDS)


@contextmanager
def consuming(broker: Broker, store: Store, woken: list[str] | None = None) -> Iterator[Running]:
    calls = woken if woken is not None else []
    running = Running(Consumer(broker, store, lambda: calls.append("drain")))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def mosquitto(server_folder: Path) -> Iterator[Mosquitto]:
    with own_broker(server_folder) as server:
        yield server


@pytest.fixture
def broker(mosquitto: Mosquitto) -> Broker:
    return Broker(mosquitto.host, mosquitto.port, "consumer", "central-ingest", "central-ingest")


@pytest.fixture
def gate(mosquitto: Mosquitto, broker: Broker) -> Iterator[GateClient]:
    """A gate that is online, whose messages the broker keeps for the consumer from now on."""
    name = f"gate-{uuid4().hex[:8]}"
    mosquitto.admit({name: name})
    with gate_client(mosquitto, name) as client:
        status = DeviceStatus(True, 1, "1.0", MORNING)
        client.client.publish(topics.status(name), status.to_json(), qos=1, retain=True)
        store = ScriptedStore()
        with consuming(broker, store):
            assert wait_until(lambda: name in store.heard_from, SECONDS)
        yield client


def test_what_was_stored_is_not_delivered_again(broker: Broker, gate: GateClient) -> None:
    first, second = ScriptedStore(), ScriptedStore()
    gate.send(a_tap(1))
    with consuming(broker, first):
        assert wait_until(lambda: first.seqs == [1], SECONDS)

    gate.send(a_tap(2))
    with consuming(broker, second):
        assert wait_until(lambda: bool(second.seqs), SECONDS)

    assert second.seqs == [2]


def test_an_unexpected_error_ends_it_and_acknowledges_nothing(
    broker: Broker, gate: GateClient
) -> None:
    gate.send(a_tap(1))
    gate.send(a_tap(2))
    with consuming(broker, ScriptedStore(ZeroDivisionError("a bug"))) as running:
        assert wait_until(running.ended, SECONDS)

    store = ScriptedStore()
    with consuming(broker, store):
        assert wait_until(lambda: len(store.seqs) == 2, SECONDS)

    assert isinstance(running.error, ZeroDivisionError)
    assert store.seqs == [1, 2]


def test_while_the_database_is_away_everything_waits_at_the_broker(
    broker: Broker, gate: GateClient
) -> None:
    store = ScriptedStore(*(DatabaseUnavailable("away") for _ in range(3)))
    with consuming(broker, store) as running:
        for seq in range(1, 21):
            gate.send(a_tap(seq))
        assert wait_until(lambda: len(store.seqs) >= 20, SECONDS)

    assert store.seqs == list(range(1, 21))
    assert running.error is None


def test_a_flood_is_stored_in_batches_of_a_bearable_size(broker: Broker, gate: GateClient) -> None:
    for seq in range(1, 1201):
        gate.send(a_tap(seq))
    store = ScriptedStore()
    with consuming(broker, store):
        assert wait_until(lambda: len(store.seqs) >= 1200, SECONDS)

    assert store.seqs == list(range(1, 1201))
    assert max(len(batch) for batch in store.batches) <= MOST_MESSAGES
    assert len(store.batches) < 100


@pytest.mark.parametrize(("notifications", "woken"), [(0, []), (2, ["drain"])])
def test_workers_are_woken_when_there_is_something_to_send(
    broker: Broker, gate: GateClient, notifications: int, woken: list[str]
) -> None:
    gate.send(a_tap(1))
    calls: list[str] = []
    store = ScriptedStore(notifications=notifications)
    with consuming(broker, store, calls):
        assert wait_until(lambda: bool(store.seqs), SECONDS)

    assert calls == woken


class DiesAfterTheCommit:
    """A database whose process dies between the commit and the acknowledgement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def probe(self) -> None:
        self._database.probe()

    def store(self, messages: Sequence[Received]) -> Recorded:
        self._database.store(messages)
        raise SystemExit("killed")


def test_a_death_between_commit_and_acknowledgement_stores_nothing_twice(
    session: Session, settings: Settings, broker: Broker, gate: GateClient
) -> None:
    school = a_school(session)
    a_student(session, a_course(session, school), card="c1")
    session.add(Device(school_id=school.id, id=gate.device_id, gate_id=a_gate(session, school).id))
    session.commit()
    database = Database(settings.database_url_for("ingest"))
    gate.send(a_tap(1), a_tap(2))
    with consuming(broker, DiesAfterTheCommit(database)) as dead:
        assert wait_until(dead.ended, SECONDS)
    stored = list(session.scalars(select(Tap.id)))
    nobody_knows = gate.receipts.empty()

    with consuming(broker, database):
        receipt = gate.receipt()
    database.close()

    assert nobody_knows
    assert len(stored) == 2
    assert receipt == Receipt("s1", 2)
    session.rollback()
    assert list(session.scalars(select(Tap.id))) == stored
    assert count(session, AttendanceDay) == 1
