"""The ingest process killed, stopped and left without its database, against real servers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay, Tap
from central.notifications.models import Notification
from central.settings import Settings
from devkit.servers import Mosquitto, Postgres, free_port
from devkit.waiting import wait_until
from tests.builders import a_tap
from tests.central.conftest import migrated
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

STUDENTS, BATCHES, PER_BATCH = 10, 60, 20
TAPS = BATCHES * PER_BATCH


@pytest.fixture
def mosquitto(server_folder: Path) -> Iterator[Mosquitto]:
    with own_broker(server_folder) as server:
        yield server


@pytest.fixture
def ingest(settings: Settings, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Ingest]:
    ingest = Ingest(ingest_environment(settings, mosquitto, "ingest"), tmp_path / "ingest.log")
    ingest.start()
    yield ingest
    ingest.kill()


@pytest.fixture
def gate(session: Session, mosquitto: Mosquitto) -> Iterator[GateClient]:
    """A gate through which a class of ``STUDENTS`` goes."""
    a_class(session, "gate-1", students=STUDENTS)
    mosquitto.admit({"gate-1": "gate-1"})
    with gate_client(mosquitto, "gate-1") as client:
        yield client


def test_a_stop_is_orderly(gate: GateClient, ingest: Ingest) -> None:
    gate.send(a_tap(1))
    gate.receipt()

    assert ingest.stop() == 0
    assert '"stopped"' in ingest.log.read_text()


def test_logs_hold_no_card_and_no_payload(gate: GateClient, ingest: Ingest) -> None:
    gate.send_raw(b"secret words")
    gate.send(a_tap(1))
    gate.receipt()
    ingest.stop()

    log = ingest.log.read_text()
    assert "secret words" not in log
    assert a_tap(1).card.digest not in log


def test_wrong_settings_stop_the_start_and_name_the_variable(ingest: Ingest) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "central.ingest"],
        env={**ingest.environment, "MQTT_PORT": "mqtt"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert started.returncode == 2
    assert started.stderr.startswith("MQTT_PORT: ")


def flood(gate: GateClient) -> None:
    """Every student of the class taps again and again, a minute apart, in order."""
    for batch in range(BATCHES):
        seqs = range(batch * PER_BATCH + 1, (batch + 1) * PER_BATCH + 1)
        gate.send(*(a_tap(seq, card=f"c{seq % STUDENTS}") for seq in seqs))


def wait_for_taps(session: Session, least: int) -> bool:
    return wait_until(lambda: count(session, Tap) >= least, SECONDS)


def wait_for_receipt_of_all(gate: GateClient) -> None:
    receipt = gate.receipt()
    while receipt.upto < TAPS:
        receipt = gate.receipt()


def test_killed_again_and_again_it_stores_every_tap_once(
    session: Session, gate: GateClient, ingest: Ingest
) -> None:
    flood(gate)
    for least in (1, TAPS // 3, 2 * TAPS // 3):
        assert wait_for_taps(session, least)
        ingest.kill()
        ingest.start()
    wait_for_receipt_of_all(gate)

    session.rollback()
    assert sorted(session.scalars(select(Tap.seq))) == list(range(1, TAPS + 1))
    assert count(session, AttendanceDay) == STUDENTS
    assert count(session, Notification) == 0  # of the past: nobody is told


@pytest.fixture
def own_postgres(server_folder: Path) -> Iterator[Postgres]:
    """A server that may be killed without harm to other tests."""
    server = Postgres(server_folder / f"postgres-{uuid4().hex[:8]}", free_port())
    server.start()
    yield server
    server.destroy()


def test_while_postgres_is_killed_and_restarted_every_tap_is_stored_once(
    own_postgres: Postgres, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    own_postgres.create_database("tests")
    settings = Settings.from_env({"DATABASE_URL": own_postgres.url("tests")})
    migrated(settings)
    mosquitto.admit({"gate-1": "gate-1"})
    engine = create_engine(settings.database_url, pool_pre_ping=True)
    with Session(engine) as session:
        a_class(session, "gate-1", students=STUDENTS)
        environment = ingest_environment(settings, mosquitto, "ingest")
        ingest = Ingest(environment, tmp_path / "ingest.log")
        ingest.start()

        with gate_client(mosquitto, "gate-1") as gate:
            flood(gate)
            assert wait_for_taps(session, 1)
            session.close()
            own_postgres.kill()
            assert wait_until(lambda: '"interrupted"' in ingest.log.read_text(), SECONDS)
            own_postgres.start()
            wait_for_receipt_of_all(gate)

        assert ingest.stop() == 0
        assert sorted(session.scalars(select(Tap.seq))) == list(range(1, TAPS + 1))
        assert count(session, AttendanceDay) == STUDENTS
    engine.dispose()
