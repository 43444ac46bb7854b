"""The ingest process against a real broker and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.attendance.models import Tap
from central.settings import Settings
from devkit.servers import Mosquitto
from tests.builders import a_course, a_device, a_gate, a_school, a_student, a_tap
from tests.central.ingest_process import Ingest, gate_client, ingest_environment


@pytest.fixture
def ingest(settings: Settings, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Ingest]:
    environment = ingest_environment(settings, mosquitto, tmp_path.name)
    ingest = Ingest(environment, tmp_path / "ingest.log")
    ingest.start()
    yield ingest
    ingest.kill()


def test_a_receipt_comes_after_the_commit(
    session: Session, mosquitto: Mosquitto, ingest: Ingest
) -> None:
    school = a_school(session)
    a_student(session, a_course(session, school), card="c1")
    a_device(session, a_gate(session, school), name="gate-1")
    session.commit()
    mosquitto.admit({"gate-1": "gate-1"})

    with gate_client(mosquitto, "gate-1") as gate:
        gate.send(a_tap(1), a_tap(2))
        receipt = gate.receipt()

    assert receipt.upto == 2
    assert session.scalar(select(func.count()).select_from(Tap)) == 2
    assert ingest.stop() == 0
