"""A kiosk is let in by the installation's key and a code together, and then has its own token."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.models import Device, Gate, School
from central.settings import PLACEHOLDER
from tests.builders import a_gate, a_school
from tests.central.api import Caller, a_caller_as

KEY = PLACEHOLDER  # of a development installation


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session)


@pytest.fixture
def gate(session: Session, school: School) -> Gate:
    gate = a_gate(session, school, name="Hall")
    session.commit()
    return gate


@pytest.fixture
def technician(app: APIFlask, session: Session, school: School) -> Caller:
    return a_caller_as(app, session, school, "technician")


def body(answer: TestResponse) -> dict[str, Any]:
    return dict(answer.json or {})


def a_code(technician: Caller, gate: Gate, kind: str = "kiosk") -> str:
    technician.post(f"/gates/{gate.id}/devices", {"id": f"hall-{kind}", "kind": kind})
    return str(body(technician.post(f"/gates/{gate.id}/devices/hall-{kind}/code", {}))["code"])


def pair(app: APIFlask, key: str, code: str) -> TestResponse:
    return app.test_client().post("/api/v1/kiosks/pair", json={"key": key, "code": code})


def me(app: APIFlask, token: str) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"}
    return app.test_client().get("/api/v1/kiosks/me", headers=headers)


def test_key_and_code_make_a_kiosk(
    app: APIFlask, session: Session, technician: Caller, gate: Gate
) -> None:
    paired = pair(app, KEY, a_code(technician, gate))

    assert paired.status_code == 201, paired.text
    token = body(paired)["token"]
    assert body(me(app, token)) == {
        "device": "hall-kiosk",
        "gate_id": gate.id,
        "gate": "Hall",
        "direction": "auto",
    }
    stored = session.get_one(Device, (gate.school_id, "hall-kiosk")).token_digest
    assert stored is not None
    assert token.encode() not in stored


def test_neither_is_enough_alone(app: APIFlask, technician: Caller, gate: Gate) -> None:
    code = a_code(technician, gate)

    assert pair(app, KEY, "a-guess").status_code == 401
    assert me(app, KEY).status_code == 401
    assert me(app, code).status_code == 401
    assert pair(app, "another-key", code).status_code == 401
    assert pair(app, KEY, code).status_code == 401  # the attempt has used it up


def test_a_gate_s_code_makes_no_kiosk(app: APIFlask, technician: Caller, gate: Gate) -> None:
    assert pair(app, KEY, a_code(technician, gate, kind="gate")).status_code == 401


def test_pairing_again_and_a_revocation_end_the_token(
    app: APIFlask, technician: Caller, gate: Gate
) -> None:
    first = body(pair(app, KEY, a_code(technician, gate)))["token"]
    second = body(pair(app, KEY, a_code(technician, gate)))["token"]
    assert (me(app, first).status_code, me(app, second).status_code) == (401, 200)

    path = f"/gates/{gate.id}/devices/hall-kiosk"
    technician.post(f"{path}/revocation", {"reason": "left in a bus"})
    assert me(app, second).status_code == 401
    technician.post(f"{path}/restoration", {})
    assert me(app, second).status_code == 200


def test_a_kiosk_s_token_is_no_person_s_and_no_gate_s(
    app: APIFlask, technician: Caller, gate: Gate
) -> None:
    token = body(pair(app, KEY, a_code(technician, gate)))["token"]

    assert Caller(app, token).get("/gates").status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    roster = app.test_client().get("/api/v1/devices/me/roster", headers=headers)
    assert roster.status_code == 401
    assert me(app, technician.token).status_code == 401
