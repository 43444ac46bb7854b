"""The real ingest process under load: poisoned, killed, and with its database taken away."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay, Tap
from central.devices.models import QuarantinedMessage
from central.notifications.models import Notification
from central.settings import Settings
from contracts import topics
from contracts.messages import Receipt
from devkit.process import Program, Running
from devkit.servers import CENTRAL_USERS, Mosquitto, Postgres, free_port
from devkit.waiting import wait_until
from tests.builders import a_course, a_device, a_gate, a_guardian, a_school, a_student, a_tap
from tests.central.conftest import SECRET, migrated
from tests.central.ingest_process import (
    SECONDS,
    GateClient,
    gate_client,
    ingest_environment,
)
from tests.central.recording import count, quarantined
from tests.central.wire import Wire

STUDENTS = 30
TAPS = 300  # each in a message of its own
GATE = "gate-1"
POISON = rb'{"version":1,"agent":"a","errors":{"a":"\ud800"}}'


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that knows no other consumer, which would get its share of the messages."""
    users = {name: name for name in (*CENTRAL_USERS, GATE, "stranger")}
    with Mosquitto(tmp_path / "mosquitto", free_port(), users) as server:
        yield server


@dataclass(frozen=True)
class Place:
    """Where ingest runs: its database, its broker, and a folder for its log."""

    settings: Settings
    broker: Mosquitto
    folder: Path


@pytest.fixture
def place(session: Session, settings: Settings, broker: Mosquitto, tmp_path: Path) -> Place:
    arrange(session)
    return Place(settings, broker, tmp_path)


@contextmanager
def ingesting(place: Place, port: int = 0) -> Iterator[Running]:
    """The process, connected to ``port`` instead of the broker's; always in the same session."""
    environment = ingest_environment(place.settings, place.broker, "ingest")
    log = place.folder / "ingest.log"
    log.unlink(missing_ok=True)
    ingest = Running(
        Program(
            name="ingest",
            argv=(sys.executable, "-m", "central.ingest"),
            env=environment | {"MQTT_PORT": str(port or place.broker.port)},
            log=log,
            ready=lambda running: '"connected"' in running.output(),
            cwd=Path.cwd(),
        )
    )
    try:
        ingest.wait_ready(SECONDS)
        yield ingest
    finally:
        ingest.kill()


@pytest.fixture
def now() -> datetime:
    """When everybody taps: it is news, and guardians are told."""
    return datetime.now(UTC)


def arrange(session: Session) -> None:
    school = a_school(session)
    course = a_course(session, school)
    for number in range(STUDENTS):
        a_guardian(session, a_student(session, course, card=f"c{number}"))
    a_device(session, a_gate(session, school), name=GATE, direction="in")
    session.commit()


def send(gate: GateClient, first: int, last: int, at: datetime) -> None:
    """Everybody in turn, at one moment: of each student one passage, and the rest repeats it."""
    for seq in range(first, last + 1):
        gate.send(a_tap(seq, card=f"c{seq % STUDENTS}", at=at))


def receipted(gate: GateClient, upto: int) -> Receipt:
    """The receipt that covers ``upto``; fails when the next one is overdue."""
    while True:
        receipt = gate.receipt()
        if receipt.upto >= upto:
            return receipt


def stored(session: Session) -> list[tuple[int, int]]:
    session.rollback()
    return [(seq, row) for seq, row in session.execute(select(Tap.seq, Tap.id).order_by(Tap.id))]


def rows(session: Session) -> tuple[int, int, int]:
    session.rollback()
    return count(session, Tap), count(session, AttendanceDay), count(session, Notification)


def test_a_poisoned_message_stops_nobody(session: Session, place: Place, now: datetime) -> None:
    with (
        ingesting(place) as ingest,
        gate_client(place.broker, GATE) as gate,
        gate_client(place.broker, "stranger") as stranger,
    ):
        pid = ingest.pid
        send(gate, 1, 5, now)
        gate.send_raw(POISON, topics.reported(GATE))
        stranger.send_raw(POISON, topics.reported("stranger"))
        stranger.send_raw(b"\xff" * 500_000)
        send(gate, 6, 10, now)

        receipt = receipted(gate, 10)
        assert wait_until(lambda: len(_set_apart(session)) == 2, SECONDS)

        assert receipt == Receipt("s1", 10)
        assert ingest.pid == pid
        ingest.stop()
        assert ingest.exit_status() == 0
    assert {one.payload_bytes for one in _set_apart(session)} == {len(POISON), 500_000}
    assert rows(session)[0] == 10


def test_a_kill_between_commit_and_acknowledgement_counts_nothing_twice(
    session: Session, place: Place, now: datetime
) -> None:
    """The broker hears no acknowledgement of what is committed, and delivers it all again."""
    with gate_client(place.broker, GATE) as gate:
        with (
            Wire(place.broker.port) as wire,
            ingesting(place, wire.port) as ingest,
        ):
            send(gate, 1, 1, now)
            receipted(gate, 1)
            wire.swallow()
            send(gate, 2, TAPS, now)
            assert wait_until(lambda: len(stored(session)) == TAPS, SECONDS)
            ingest.kill()
        before, told = stored(session), rows(session)
        nobody_knows = gate.receipts.empty()

        with ingesting(place):
            receipt = receipted(gate, TAPS)

    assert nobody_knows
    assert receipt == Receipt("s1", TAPS)
    assert stored(session) == before
    assert rows(session) == told == (TAPS, STUDENTS, STUDENTS)
    assert quarantined(session) == []


@pytest.fixture
def own_postgres(server_folder: Path) -> Iterator[Postgres]:
    """A server that this test may kill."""
    with Postgres(server_folder / "mortal", free_port(), settings={"fsync": "off"}) as server:
        yield server
        server.destroy()


@pytest.fixture
def own_settings(own_postgres: Postgres) -> Settings:
    own_postgres.create_database("tests")
    url = own_postgres.url("tests")
    settings = Settings.from_env(
        {
            "APP_ENV": "development",
            "DATABASE_URL": url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SECRET_KEY": SECRET,
        }
    )
    migrated(settings)
    return settings


@pytest.fixture
def own_database(own_settings: Settings) -> Iterator[Engine]:
    engine = create_engine(own_settings.database_url, pool_pre_ping=True)
    yield engine
    engine.dispose()


def test_a_database_that_dies_and_comes_back_loses_nothing(
    own_postgres: Postgres,
    own_settings: Settings,
    own_database: Engine,
    broker: Mosquitto,
    tmp_path: Path,
    now: datetime,
) -> None:
    with Session(own_database) as session:
        arrange(session)
    place = Place(own_settings, broker, tmp_path)
    with ingesting(place) as ingest, gate_client(broker, GATE) as gate:
        pid = ingest.pid
        for outage in range(2):
            send(gate, outage * TAPS + 1, outage * TAPS + TAPS // 2, now)
            receipted(gate, outage * TAPS + 1)
            own_postgres.kill()
            send(gate, outage * TAPS + TAPS // 2 + 1, (outage + 1) * TAPS, now)
            own_postgres.start()
        receipt = receipted(gate, 2 * TAPS)

        assert ingest.pid == pid
        assert ingest.alive()
    assert receipt == Receipt("s1", 2 * TAPS)
    with Session(own_database) as session:
        assert rows(session) == (2 * TAPS, STUDENTS, STUDENTS)
        assert session.scalar(text("SELECT count(*) FROM quarantine")) == 0


def _set_apart(session: Session) -> list[QuarantinedMessage]:
    session.rollback()
    return [one for one in quarantined(session) if one.device_id == "stranger"]
