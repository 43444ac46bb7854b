"""A secure card and its copies at real gates: agents, broker and ingest; the keys are central's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.cards.keys import CardKeys
from central.devices.models import Device
from central.models import AttendanceDay, Card, SiteKey, Tap, Task
from central.settings import Settings
from contracts.roster import Roster, RosterEntry
from contracts.sun import number_key
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from emulators.nfc.ntag424 import Copy, Ntag424
from tests.builders import a_course, a_gate, a_school, a_student
from tests.central.ingest_process import Ingest, ingest_environment, own_broker
from tests.edge.gate import DOMAIN, PASSWORD, SITE_KEY, Gate, uid
from tests.edge.secure import secure_digest

SECONDS = 30
MASTER = "5e" * 32


@dataclass(frozen=True)
class Line:
    """Two gates of a school with one student, who has a secure card."""

    school_id: int
    gates: tuple[Gate, Gate]
    card: Ntag424

    @property
    def number_key(self) -> bytes:
        return number_key(SITE_KEY)


@pytest.fixture
def broker(server_folder: Path) -> Iterator[Mosquitto]:
    with own_broker(server_folder) as made:
        yield made


@pytest.fixture
def ingest(settings: Settings, broker: Mosquitto, tmp_path: Path) -> Iterator[None]:
    environment = ingest_environment(settings, broker, f"ingest-{uuid4().hex[:8]}")
    process = Ingest(environment | {"CARD_MASTER_KEY": MASTER}, tmp_path / "ingest.log")
    process.start()
    yield
    process.kill()


@pytest.fixture
def line(session: Session, broker: Mosquitto, ingest: None) -> Iterator[Line]:
    school = a_school(session)
    session.get_one(SiteKey, school.id).key = SITE_KEY
    student = a_student(session, a_course(session, school), given="Sofía")
    digest = bytes.fromhex(secure_digest(1))
    session.add(Card(school_id=school.id, digest=digest, kind="sun", student_id=student.id))
    names = [f"gate-{uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        place = a_gate(session, school)
        session.add(Device(school_id=school.id, id=name, gate_id=place.id))
    session.commit()
    broker.admit(dict.fromkeys(names, PASSWORD))
    keys = CardKeys(bytes.fromhex(MASTER))
    card = Ntag424(uid(1), DOMAIN, (number_key(SITE_KEY), keys.card_key(school.id, uid(1))))
    roster = Roster("s1", {secure_digest(1): RosterEntry("Sofía R.", "active")})
    with ExitStack() as running:
        gates = []
        for name in names:
            folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="gate-")))
            gate = running.enter_context(Gate(folder, name, broker.port))
            gate.write_roster(roster)
            gate.write_config(broker.port, "[capture]\nrepeat_window_s = 0\n")
            gate.start()
            gates.append(gate)
        yield Line(school.id, (gates[0], gates[1]), card)


def test_the_card_counts_and_its_copies_and_forgeries_do_not(session: Session, line: Line) -> None:
    here, there = line.gates

    first = here.tap(line.card)
    assert (first["verdict"], first["name"]) == ("accepted", "Sofía R.")
    assert stored(session, 1)
    copy = Copy(line.card.uid, line.card.link_at(line.card.counter))  # overheard at the reader
    forgery = Ntag424(line.card.uid, DOMAIN, (line.number_key, bytes(16)), counter=900)

    assert here.tap(copy)["verdict"] == "replayed"  # the gate remembers what it heard
    assert there.tap(copy)["verdict"] == "accepted"  # this one cannot know
    assert there.tap(forgery)["verdict"] == "accepted"  # nor has it the card's key
    assert stored(session, 4)

    session.expire_all()
    doubts = session.execute(select(Tap.student_id.is_(None), Tap.doubt).order_by(Tap.id)).all()
    assert sorted(doubt or "" for _, doubt in doubts) == ["", "forged", "replayed", "replayed"]
    day = session.scalars(select(AttendanceDay)).one()
    assert (day.passages, day.inside) == (1, True)
    task = session.scalars(select(Task)).one()
    assert task.kind == "card_alert"
    codes = [reason["code"] for reason in task.reasons]
    assert codes == ["card_replayed", "card_replayed", "card_forged"]


def stored(session: Session, taps: int) -> bool:
    def all_here() -> bool:
        session.rollback()
        return len(session.scalars(select(Tap.id)).all()) == taps

    return wait_until(all_here, SECONDS)
