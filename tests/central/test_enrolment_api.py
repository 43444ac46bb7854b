"""A device gets in by a code, technicians hand codes out, and commands on the server do both."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from apiflask import APIFlask
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.cli import cli
from central.identity import authority_service
from central.identity.sealing import Safe
from central.models import AuditEntry, Device, Gate, School, SiteKey
from central.settings import Settings
from tests.builders import a_device, a_gate, a_school
from tests.central.api import Caller, a_caller_as
from tests.central.conftest import SECRET
from tests.central.keys import Keyed, named
from tests.central.test_identity import NOW

ENROLL = "/api/v1/devices/enroll"


@pytest.fixture
def school(session: Session) -> School:
    school = a_school(session)
    if session.get(SiteKey, school.id) is None:
        session.add(SiteKey(school_id=school.id, key=bytes(range(32))))
    authority_service.establish(session, Safe(SECRET), now=NOW)
    session.commit()
    return school


@pytest.fixture
def gate(session: Session, school: School) -> Gate:
    gate = a_gate(session, school)
    session.commit()
    return gate


@pytest.fixture
def technician(app: APIFlask, session: Session, school: School) -> Caller:
    return a_caller_as(app, session, school, "technician")


def body(answer: TestResponse) -> dict[str, Any]:
    assert answer.json is not None
    return dict(answer.json)


def registered(technician: Caller, gate: Gate, name: str = "norte-1", **more: Any) -> str:
    """A code for a new device."""
    made = technician.post(f"/gates/{gate.id}/devices", {"id": name, **more})
    assert made.status_code == 201, made.text
    code = technician.post(f"/gates/{gate.id}/devices/{name}/code", {})
    assert code.status_code == 201, code.text
    return str(body(code)["code"])


def enroll(app: APIFlask, code: str, request: str) -> TestResponse:
    return app.test_client().post(ENROLL, json={"code": code, "csr": request})


def as_device(app: APIFlask, device: str, key: Keyed, method: str, path: str, **more: Any) -> Any:
    claims = {"iss": device, "sub": device, "aud": "central", "exp": int(time.time()) + 60}
    headers = {
        "Authorization": f"Bearer {jwt.encode(claims, key.key, 'ES256')}",
        **more.pop("headers", {}),
    }
    return app.test_client().open(
        f"/api/v1/devices/me/{path}", method=method, headers=headers, **more
    )


def test_a_registered_device_gets_all_that_it_needs_for_its_code(
    app: APIFlask, technician: Caller, gate: Gate
) -> None:
    key = Keyed()

    answer = enroll(app, registered(technician, gate), key.request())

    assert answer.status_code == 201, answer.text
    told = body(answer)
    assert told["device"] == named(told["certificate"]) == "norte-1"
    assert told["broker"] == {"host": "localhost", "port": 8883}
    assert len(bytes.fromhex(told["site_key"])) == 32
    assert "BEGIN CERTIFICATE" in told["authorities"]
    assert as_device(app, "norte-1", key, "GET", "roster").status_code == 200


def test_a_code_cannot_be_used_twice_even_if_the_first_request_was_refused(
    app: APIFlask, technician: Caller, gate: Gate
) -> None:
    code = registered(technician, gate)

    refused = enroll(app, code, "no request at all")
    again = enroll(app, code, Keyed().request())

    assert (refused.status_code, again.status_code) == (409, 401)


def test_a_replayed_code_does_not_take_the_gate_away_from_its_owner(
    app: APIFlask, technician: Caller, gate: Gate
) -> None:
    code, owner, thief = registered(technician, gate), Keyed(), Keyed()
    assert enroll(app, code, owner.request()).status_code == 201

    assert enroll(app, code, thief.request()).status_code == 401

    assert as_device(app, "norte-1", owner, "GET", "roster").status_code == 200
    assert as_device(app, "norte-1", thief, "GET", "roster").status_code == 401


def test_a_device_renews_with_its_own_key_and_learns_whom_to_trust(
    app: APIFlask, session: Session, technician: Caller, gate: Gate
) -> None:
    key = Keyed()
    enroll(app, registered(technician, gate), key.request())

    first = as_device(app, "norte-1", key, "GET", "identity")
    known = as_device(
        app, "norte-1", key, "GET", "identity", headers={"If-None-Match": first.headers["ETag"]}
    )
    renewed = as_device(
        app, "norte-1", key, "POST", "certificate", json={"csr": key.request("gate-9")}
    )
    other = as_device(app, "norte-1", key, "POST", "certificate", json={"csr": Keyed().request()})

    assert (first.status_code, body(first)["renew"]) == (200, False)
    assert known.status_code == 304
    version = authority_service.trusted(session).version
    assert session.scalars(select(Device.trusted)).one() == version
    assert renewed.status_code == 201
    assert named(body(renewed)["certificate"]) == "norte-1"
    assert other.status_code == 403


def test_a_revoked_device_is_refused_and_told_so_and_is_back_when_that_is_undone(
    app: APIFlask, technician: Caller, gate: Gate, session: Session
) -> None:
    key = Keyed()
    enroll(app, registered(technician, gate), key.request())
    path = f"/gates/{gate.id}/devices/norte-1"

    revoked = technician.post(f"{path}/revocation", {"reason": "stolen at night"})
    refused = [as_device(app, "norte-1", key, "GET", what) for what in ("roster", "identity")] + [
        as_device(app, "norte-1", key, "POST", "certificate", json={"csr": key.request()})
    ]
    no_code = technician.post(f"{path}/code", {})
    restored = technician.post(f"{path}/restoration", {})

    assert (revoked.status_code, restored.status_code) == (200, 200)
    assert body(revoked)["revoked_at"] is not None
    assert body(restored)["revoked_at"] is None
    assert {(answer.status_code, body(answer)["code"]) for answer in refused} == {(403, "revoked")}
    assert no_code.status_code == 409
    assert as_device(app, "norte-1", key, "GET", "roster").status_code == 200
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert list(actions)[-2:] == ["revoked_device", "restored_device"]


def test_a_name_that_is_taken_elsewhere_or_means_central_is_refused(
    app: APIFlask, session: Session, technician: Caller, gate: Gate
) -> None:
    taken = a_device(session, a_gate(session, a_school(session)))
    session.commit()

    for name in (taken.id, "central-ingest"):
        answer = technician.post(f"/gates/{gate.id}/devices", {"id": name})
        assert answer.status_code == 409, name
    assert technician.post(f"/gates/{gate.id}/devices", {"id": "A b"}).status_code == 422


def test_another_school_s_devices_are_not_there(
    app: APIFlask, session: Session, technician: Caller
) -> None:
    theirs = a_device(session, a_gate(session, a_school(session)))
    session.commit()
    path = f"/gates/{theirs.gate_id}/devices"

    answers = [
        technician.post(path, {"id": "mine"}),
        technician.post(f"{path}/{theirs.id}/code", {}),
        technician.post(f"{path}/{theirs.id}/revocation", {"reason": "out of spite"}),
        technician.post(f"{path}/{theirs.id}/restoration", {}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    session.refresh(theirs)
    assert theirs.revoked_at is None


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("director", 201),
        ("technician", 201),
        ("operator", 201),
        ("inspector", 403),
        ("teacher", 403),
    ],
)
def test_who_may_let_devices_in(
    app: APIFlask, session: Session, school: School, gate: Gate, role: str, status: int
) -> None:
    caller = a_caller_as(app, session, school, role)

    assert caller.post(f"/gates/{gate.id}/devices", {"id": "norte-1"}).status_code == status


# --- on the server


def run(settings: Settings, *arguments: str, typed: str = "") -> Result:
    env = {"DATABASE_URL": settings.database_url, "SECRET_KEY": SECRET}
    return CliRunner().invoke(cli, arguments, env=env, input=typed)


def test_commands_on_the_server_do_the_same(
    app: APIFlask, settings: Settings, session: Session, school: School, tmp_path: Path
) -> None:
    made = run(settings, "create-device", "sur-1", "--school", school.slug, "--gate", "Puerta Sur")
    assert made.exit_code == 0, made.output
    assert run(settings, "issue-code", "sur-1", "--out", str(tmp_path / "code")).exit_code == 0
    key = Keyed()

    answer = enroll(app, (tmp_path / "code").read_text().strip(), key.request())

    assert answer.status_code == 201, answer.text
    assert (tmp_path / "code").stat().st_mode & 0o077 == 0
    assert run(settings, "revoke-device", "sur-1", "--reason", "lost").exit_code == 0
    assert as_device(app, "sur-1", key, "GET", "roster").status_code == 403
    assert run(settings, "restore-device", "sur-1").exit_code == 0
    assert as_device(app, "sur-1", key, "GET", "roster").status_code == 200
    assert "does not exist" in run(settings, "issue-code", "sur-9").output


def test_the_authority_is_replaced_by_commands_that_wait_for_the_gates(
    app: APIFlask, settings: Settings, technician: Caller, gate: Gate
) -> None:
    key = Keyed()
    enroll(app, registered(technician, gate), key.request())

    assert run(settings, "authority", "begin").exit_code == 0
    early = run(settings, "authority", "switch")
    first = as_device(app, "norte-1", key, "GET", "identity")
    as_device(
        app, "norte-1", key, "GET", "identity", headers={"If-None-Match": first.headers["ETag"]}
    )
    switched = run(settings, "authority", "switch")
    hasty = run(settings, "authority", "finish")
    forced = run(settings, "authority", "finish", "--force")

    assert early.exit_code == 1
    assert "1 of 1 gates have not followed" in early.output
    assert "2: current" in switched.output
    assert "1: old" in switched.output
    assert hasty.exit_code == 1
    assert "1: retired" in forced.output


def test_the_authority_s_key_survives_another_secret(
    settings: Settings, school: School, session: Session
) -> None:
    env = {"DATABASE_URL": settings.database_url, "IDENTITY_KEY": "k" * 40}
    wrong = CliRunner().invoke(cli, ["reseal-authority"], env=env, input="not the one\n")
    right = CliRunner().invoke(cli, ["reseal-authority"], env=env, input=f"{SECRET}\n")

    assert wrong.exit_code == 1
    assert "1 keys are sealed" in right.output
    assert authority_service.signing(session, Safe("k" * 40))
