"""Gates with certificates, and all of central that they need: web, ingest, scheduler, broker."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apiflask import APIFlask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.devices.models import Device
from central.identity import authority_service, enrolment_service, queries, revocation_service
from central.identity.sealing import Safe
from central.models import Card, School, SiteKey, Stream, Tap
from central.settings import Settings
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from tests.builders import a_course, a_gate, a_school, a_student
from tests.central.fort import a_broker
from tests.central.ingest_process import Ingest, ingest_environment
from tests.central.job_processes import start
from tests.central.served import served
from tests.edge.gate import DOMAIN, REPOSITORY, SITE_KEY, Gate, card, digest

SECONDS = 45


@dataclass
class Town:
    """Two gates of one school, and everything behind them."""

    session: Session
    school: School
    broker: Mosquitto
    safe: Safe
    web: str
    north: Gate
    south: Gate

    def device(self, gate: Gate) -> Device:
        return self.session.get_one(Device, (self.school.id, gate.device))

    def holds(self, condition: Callable[[], bool]) -> bool:
        """Whether ``condition`` comes true; the rows are read anew each time."""

        def now() -> bool:
            self.session.rollback()
            self.session.expire_all()
            return condition()

        return wait_until(now, SECONDS)

    def taps_of(self, gate: Gate) -> int:
        count = select(func.count()).select_from(Tap).join(Stream, Stream.id == Tap.stream_id)
        return self.session.scalar(count.where(Stream.device_id == gate.device)) or 0


def enrolled(session: Session, device: Device, gate: Gate, web: str, broker: Mosquitto) -> None:
    """Have the gate get its identity as on its first boot."""
    code = enrolment_service.issue_code(session, device, by=None, now=datetime.now(UTC)).code
    session.commit()
    (gate.folder / "code").write_text(code)
    command = (
        *(sys.executable, "-m", "edge_agent", "enroll", "--central", web, "--clock", "host"),
        *("--code-file", str(gate.folder / "code"), "--folder", str(gate.folder / "identity")),
    )
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    assert broker.door is not None
    gate.config.write_text(f"""\
device = "{gate.device}"
data_dir = "data"
clock = "host"
[broker]
host = "localhost"
port = {broker.door.port}
ca_file = "identity/authorities.pem"
cert_file = "identity/device.pem"
key_file = "identity/device.key"
[central]
url = "{web}"
key_file = "identity/device.key"
[site]
key_file = "identity/site-key"
token_domain = "{DOMAIN}"
[roster]
file = "roster.json"
[[readers]]
name = "entrada"
driver = "nfcpy"
path = "{gate.folder}/reader"
[feedback]
kinds = ["emulated"]
socket = "lights"
[capture]
repeat_window_s = 0
""")


@pytest.fixture
def school(session: Session) -> School:
    """With one student, whose card is number 1."""
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
    session.commit()
    return school


@pytest.fixture
def broker(
    settings: Settings, school: School, server_folder: Path, tmp_path: Path
) -> Iterator[Mosquitto]:
    """With the processes of central that it needs and serves."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=server_folder)))
        broker = a_broker(work / "broker", work / "delivered")
        environment = ingest_environment(settings, broker, "ingest-identity")
        central = {
            "MQTT_USERNAME": "central-scheduler",
            "MQTT_PASSWORD": "central-scheduler",
            "BROKER_FOLDER": str(work / "delivered"),
        }
        scheduler = start(
            "scheduler", environment | central, tmp_path / "scheduler.log", says="broker_told"
        )
        stack.callback(scheduler.stop)
        stack.enter_context(broker)
        ingest = Ingest(environment, tmp_path / "ingest.log")
        ingest.start()
        stack.callback(ingest.kill)
        yield broker


@pytest.fixture
def town(
    session: Session, settings: Settings, app: APIFlask, school: School, broker: Mosquitto
) -> Iterator[Town]:
    place = a_gate(session, school)
    devices = [Device(school_id=school.id, id=f"gate-{name}", gate_id=place.id) for name in "ns"]
    session.add_all(devices)
    session.commit()
    with ExitStack() as stack:
        web = stack.enter_context(served(app))
        gates = []
        for device in devices:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gate-")))
            made = stack.enter_context(Gate(folder, device.id, broker.port))
            made.roster_file.unlink()
            enrolled(session, device, made, web, broker)
            made.start()
            gates.append(made)
        town = Town(session, school, broker, Safe(settings.identity_secret), web, *gates)
        assert wait_until(lambda: all(connected(gate) == 1 for gate in gates), SECONDS)
        assert wait_until(lambda: all(": 1 cards" in gate.logged() for gate in gates), SECONDS)
        yield town


def connected(gate: Gate) -> int:
    """How often it has connected to the broker."""
    return gate.logged().count("connected to localhost")


def test_a_stolen_gate_is_mute_in_seconds_and_forgets_all_but_its_taps(town: Town) -> None:
    """And brings these when it is found, given back and enrolled again."""
    north, south = town.north, town.south
    assert north.tap(card(1))["verdict"] == "accepted"
    assert town.holds(lambda: town.taps_of(north) == 1)
    assert town.holds(lambda: (town.device(north).health or {}).get("certificate_days") == 396)
    access = town.broker.folder / "acl"

    began = datetime.now(UTC)
    revocation_service.revoke(town.session, town.device(north), by=None, reason="stolen", now=began)
    town.session.commit()
    assert wait_until(lambda: f"user {north.device}" in access.read_text(), SECONDS)
    assert datetime.now(UTC) - began < timedelta(seconds=5)  # and the broker reads it at once
    north.tap(card(1))
    south.tap(card(1))

    assert wait_until(lambda: north.exit_status() is not None, SECONDS), north.logged()
    assert north.exit_status() == 77
    assert town.holds(lambda: town.taps_of(south) == 1)
    assert town.taps_of(north) == 1
    assert [tap["card"]["digest"] for tap in north.stored().values()] == [digest(1)]
    left = {path.name for path in (north.folder / "identity").iterdir()}
    assert left == {"authorities.pem", "revoked"}
    assert not north.roster_file.exists()
    assert {path.name.partition("-")[0] for path in north.data.iterdir()} == {"outbox.db"}
    assert connected(south) == 1
    assert "refuse" not in south.logged()

    revocation_service.restore(town.session, town.device(north), by=None)
    town.session.expire_all()
    enrolled(town.session, town.device(north), north, town.web, town.broker)
    assert wait_until(lambda: north.device not in access.read_text(), SECONDS)
    north.start()

    assert town.holds(lambda: town.taps_of(north) == 2), north.logged()


def test_the_authority_is_replaced_while_gates_are_connected(town: Town) -> None:
    gates = (town.north, town.south)
    session, now = town.session, datetime.now(UTC)

    authority_service.begin_rotation(session, town.safe, now=now)
    session.commit()
    # the broker restarts with both, its gates come back, and ask central why they were thrown out
    assert town.holds(lambda: queries.rotation(session).trusting == 2)
    assert all(tapped(town, gate, 1) for gate in gates)

    authority_service.switch_rotation(session)
    session.commit()
    assert wait_until(lambda: "broker.pem" in last_told(town), SECONDS)
    town.broker.stop()
    town.broker.start()
    assert town.holds(lambda: queries.rotation(session).renewed == 2), town.north.logged()
    assert all(tapped(town, gate, 2) for gate in gates)

    authority_service.finish_rotation(session)
    session.commit()
    assert town.holds(lambda: queries.rotation(session).trusting == 2)
    before = [connected(gate) for gate in gates]
    assert all(tapped(town, gate, 3) for gate in gates)
    assert all(gate.exit_status() is None for gate in gates)
    assert min(before) >= 3


def tapped(town: Town, gate: Gate, count: int) -> bool:
    assert gate.tap(card(1))["verdict"] == "accepted"
    return town.holds(lambda: town.taps_of(gate) == count)


def last_told(town: Town) -> str:
    """The certificate that the broker shows is of the authority that signs now."""
    assert town.broker.door is not None
    told = (town.broker.door.written / "state.json").read_text()
    current = authority_service.signing(town.session, town.safe)[0]
    return "broker.pem" if f'"{current} localhost"' in told else ""
