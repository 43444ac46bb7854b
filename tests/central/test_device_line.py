"""A gate and central, all of it real: agent, broker, web, ingest and scheduler."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session

from central.devices.models import Device
from central.devices.steering_service import configure, order
from central.models import Card, Command, SiteKey, Tap
from central.settings import Settings
from devkit.process import Running
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from tests.builders import a_course, a_gate, a_school, a_student, a_user
from tests.central.ingest_process import Ingest, ingest_environment, own_broker
from tests.central.job_processes import start
from tests.central.served import served
from tests.edge.gate import PASSWORD, SITE_KEY, Gate, card, digest, roster
from tests.edge.website import a_key_file, public_half

SECONDS = 30


@pytest.fixture
def mosquitto(server_folder: Path) -> Iterator[Mosquitto]:
    with own_broker(server_folder) as broker:
        yield broker


@pytest.fixture
def device(session: Session, mosquitto: Mosquitto) -> Device:
    """At a school with one student, whose card is number 1; the broker knows it."""
    school = a_school(session)
    session.get_one(SiteKey, school.id).key = SITE_KEY
    student = a_student(session, a_course(session, school), given="Sofía")
    session.add(
        Card(
            school_id=school.id,
            digest=bytes.fromhex(digest(1)),
            kind="token",
            student_id=student.id,
        )
    )
    device = Device(
        school_id=school.id, id=f"gate-{uuid4().hex[:8]}", gate_id=a_gate(session, school).id
    )
    session.add(device)
    session.commit()
    mosquitto.admit({device.id: PASSWORD})
    return device


@pytest.fixture
def processes(settings: Settings, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[None]:
    """Ingest and scheduler."""
    environment = ingest_environment(settings, mosquitto, f"ingest-{uuid4().hex[:8]}")
    ingest = Ingest(environment, tmp_path / "ingest.log")
    ingest.start()
    names = {"MQTT_USERNAME": "central-scheduler", "MQTT_PASSWORD": "central-scheduler"}
    scheduler: Running = start(
        "scheduler", environment | names, tmp_path / "scheduler.log", says="leading"
    )
    yield
    scheduler.stop()
    ingest.kill()


@pytest.fixture
def gate(
    session: Session, device: Device, app: APIFlask, mosquitto: Mosquitto, processes: None
) -> Iterator[Gate]:
    """Its agent runs, with an empty roster of its own."""
    del processes
    with (
        tempfile.TemporaryDirectory(prefix="gate-") as folder,
        served(app) as origin,
        Gate(Path(folder), device.id, mosquitto.port) as gate,
    ):
        device.public_key = public_half(a_key_file(gate.folder))
        session.commit()
        gate.write_roster(replace(roster("empty"), cards={}))
        gate.write_config(mosquitto.port, f'[central]\nurl = "{origin}"\nkey_file = "device.key"\n')
        gate.start()
        yield gate


def holds(session: Session, device: Device, condition: Callable[[], bool]) -> bool:
    """Whether ``condition`` comes true; the rows are read anew each time."""

    def now() -> bool:
        session.rollback()
        session.expire_all()
        return condition()

    return wait_until(now, SECONDS)


def test_a_gate_is_steered_and_tells_how_it_is(
    session: Session, device: Device, gate: Gate
) -> None:
    assert wait_until(lambda: ": 1 cards" in gate.logged(), SECONDS), gate.logged()
    answer = gate.tap(card(1))
    assert (answer["verdict"], answer["name"]) == ("accepted", "Sofía R.")
    assert holds(session, device, lambda: device.health is not None)
    assert device.health is not None
    assert device.health["clock"] == "synced"

    configure(session, device.school_id, device.id, {"repeat_window_s": 0, "volume": 11})
    given = order(
        session,
        device,
        "selftest",
        {},
        by=a_user(session).id,
        until=datetime.now(UTC) + timedelta(minutes=1),
    )
    session.commit()

    assert holds(session, device, lambda: given.answered_at is not None)
    assert isinstance(session.get(Command, (device.school_id, given.id)), Command)
    assert given.ok
    assert given.result is not None
    assert {check["part"] for check in given.result["checks"]} >= {"disk", "broker", "clock"}
    assert holds(session, device, lambda: device.reported is not None)
    assert device.reported is not None
    assert device.reported["version"] == 1
    assert list(device.reported["errors"]) == ["volume"]


def test_a_revoked_card_is_refused_at_the_gate_in_a_moment(
    session: Session, device: Device, gate: Gate
) -> None:
    assert wait_until(lambda: ": 1 cards" in gate.logged(), SECONDS), gate.logged()
    assert gate.tap(card(1))["verdict"] == "accepted"

    session.query(Card).one().revoked_at = datetime.now(UTC)
    session.commit()

    assert wait_until(lambda: gate.logged().count("roster version") >= 3, SECONDS), gate.logged()
    assert gate.tap(card(1))["verdict"] == "revoked"
    assert holds(session, device, lambda: session.query(Tap).count() == 2)
