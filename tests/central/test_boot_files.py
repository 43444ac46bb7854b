"""The zip with which a technician makes a gate of a blank machine."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.identity import authority_service
from central.identity.sealing import Safe
from central.media.store import FolderStore
from central.models import AuditEntry, Device, EnrolmentCode, Release, School
from central.settings import Settings
from contracts.provisioning import Provision, ReaderGiven, Wifi
from contracts.releases import Manifest, Version, entries_of
from tests.builders import a_device, a_gate, a_school
from tests.central.api import Caller, a_caller_as
from tests.edge.releases import KEY, packed

NOW = datetime(2026, 6, 3, 11, 0, tzinfo=UTC)
FILES = {"a.whl": b"wheel", "firstboot.pyz": b"program"}
RELEASE = packed(
    Manifest(Version(1, 0, 0), "school-attendance[edge]", entries_of(FILES)), FILES, KEY
)


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session, timezone="Pacific/Easter")


@pytest.fixture
def device(session: Session, school: School, settings: Settings) -> Device:
    authority_service.establish(session, Safe(settings.identity_secret), now=NOW)
    device = a_device(session, a_gate(session, school, name="Puerta Norte"))
    session.commit()
    return device


@pytest.fixture
def published(app: APIFlask, session: Session, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    app.extensions["documents"] = store
    store.put("releases/one.zip", RELEASE, "application/zip")
    digest = hashlib.sha256(RELEASE).hexdigest()
    session.add(
        Release(
            version="1.0.0",
            sha256=digest,
            size=len(RELEASE),
            store_key="releases/one.zip",
            published_at=NOW,
        )
    )
    session.commit()


@pytest.fixture
def technician(app: APIFlask, session: Session, school: School) -> Caller:
    return a_caller_as(app, session, school, "technician")


def files_for(caller: Caller, device: Device, **wishes: Any) -> Any:
    return caller.post(f"/gates/{device.gate_id}/devices/{device.id}/boot-files", wishes)


def provision_in(archive: bytes) -> Provision:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return Provision.from_json(opened.read("gate.json"))


@pytest.mark.usefixtures("published")
def test_a_technician_gets_everything_for_one_gate(
    session: Session, device: Device, technician: Caller
) -> None:
    answer = files_for(
        technician,
        device,
        wifi={"ssid": "Colegio", "password": "patio y cancha 7", "country": "CL"},
        answers=["lights"],
        evacuation_list=True,
    )

    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert answer.headers["Cache-Control"] == "no-store"
    provision = provision_in(answer.data)
    assert (provision.device, provision.gate) == (device.id, "Puerta Norte")
    assert provision.timezone == "Pacific/Easter"
    assert provision.wifi == Wifi("Colegio", "patio y cancha 7", "CL")
    assert provision.readers == (ReaderGiven("entrada", "nfcpy", "tty:AMA0:pn532"),)
    assert (provision.answers, provision.evacuation_list) == (("lights",), True)
    assert provision.release_sha256 == hashlib.sha256(RELEASE).hexdigest()
    with zipfile.ZipFile(io.BytesIO(answer.data)) as opened:
        assert opened.read("gate/release.zip") == RELEASE
        assert opened.read("gate/firstboot.pyz") == b"program"


@pytest.mark.usefixtures("published")
def test_the_code_in_it_lets_the_gate_in_and_is_kept_nowhere(
    session: Session, device: Device, technician: Caller
) -> None:
    code = provision_in(files_for(technician, device).data).code

    kept = session.scalars(select(EnrolmentCode)).one()
    assert kept.digest == hashlib.sha256(code.encode()).digest()
    said = session.execute(select(AuditEntry.action, AuditEntry.detail)).all()
    assert [action for action, _ in said] == ["issued_enrolment_code", "made_boot_files"]
    assert code not in json.dumps([detail for _, detail in said])


@pytest.mark.usefixtures("published")
def test_files_made_again_end_those_before(
    session: Session, device: Device, technician: Caller
) -> None:
    for _ in range(2):
        files_for(technician, device)

    codes = session.scalars(select(EnrolmentCode).order_by(EnrolmentCode.id)).all()
    assert [code.used_at is None for code in codes] == [False, True]


def test_without_a_release_there_is_nothing_to_install(
    device: Device, technician: Caller, session: Session
) -> None:
    answer = files_for(technician, device)

    assert answer.status_code == 409
    assert session.scalars(select(EnrolmentCode)).all() == []  # no code for nothing


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("role", ["inspector", "teacher"])
def test_others_make_none(
    app: APIFlask, session: Session, school: School, device: Device, role: str
) -> None:
    assert files_for(a_caller_as(app, session, school, role), device).status_code == 403


@pytest.mark.usefixtures("published")
def test_a_device_of_another_school_is_not_there(
    app: APIFlask, session: Session, device: Device
) -> None:
    stranger = a_caller_as(app, session, a_school(session), "technician")

    assert files_for(stranger, device).status_code == 404


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "wishes",
    [
        {"readers": []},
        {"readers": [{"path": "$(reboot)"}]},
        {"wifi": {"ssid": "x", "password": "short"}},
        {"wifi": {"ssid": "x\ny"}},
        {"locale": "de"},
        {"answers": ["smoke"]},
        {"colour": "red"},
    ],
)
def test_wishes_that_no_gate_understands_are_refused(
    device: Device, technician: Caller, wishes: dict[str, Any]
) -> None:
    assert files_for(technician, device, **wishes).status_code == 422


@pytest.mark.usefixtures("published")
def test_two_readers_of_one_name_are_refused(device: Device, technician: Caller) -> None:
    twice = [{"name": "entrada"}, {"name": "entrada"}]

    assert files_for(technician, device, readers=twice).status_code == 409
