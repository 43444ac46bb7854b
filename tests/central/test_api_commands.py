"""Orders to gates by the API: who may give them, and how they stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.devices.steering_rules import state_of
from central.models import AuditEntry, Command, Device, School
from tests.builders import a_device, a_gate, a_school
from tests.central.api import Caller, a_caller_as

NOW = datetime(2026, 6, 3, 11, 7, tzinfo=UTC)


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session)


@pytest.fixture
def device(session: Session, school: School) -> Device:
    device = a_device(session, a_gate(session, school))
    session.commit()
    return device


@pytest.fixture
def technician(app: APIFlask, session: Session, school: School) -> Caller:
    return a_caller_as(app, session, school, "technician")


def give(caller: Caller, gate_id: int, **body: Any) -> TestResponse:
    return caller.app.test_client().post(
        f"/api/v1/gates/{gate_id}/commands",
        json=body,
        headers={"Authorization": f"Bearer {caller.token}"},
    )


def test_a_technician_gives_an_order_and_finds_it_listed(
    session: Session, device: Device, technician: Caller
) -> None:
    given = give(technician, device.gate_id, device=device.id, name="identify", args={"seconds": 5})

    assert given.status_code == 201
    assert (given.json["state"], given.json["args"]) == ("queued", {"seconds": 5})  # type: ignore[index]
    assert technician.items(f"/gates/{device.gate_id}/commands") == [given.json]
    assert session.scalars(select(AuditEntry.subject)).all() == [f"device:{device.id}"]


def test_the_newest_order_comes_first_and_pages_go_back(device: Device, technician: Caller) -> None:
    names = ["sync", "logs", "selftest"]
    for name in names:
        assert give(technician, device.gate_id, device=device.id, name=name).status_code == 201

    pages = technician.pages(f"/gates/{device.gate_id}/commands", limit=2)

    assert [[order["name"] for order in page] for page in pages] == [["selftest", "logs"], ["sync"]]


@pytest.mark.parametrize("role", ["director", "inspector", "teacher"])
def test_others_give_no_orders(
    app: APIFlask, session: Session, school: School, device: Device, role: str
) -> None:
    caller = a_caller_as(app, session, school, role)

    assert give(caller, device.gate_id, device=device.id, name="restart").status_code == 403
    assert caller.get(f"/gates/{device.gate_id}/commands").status_code == 403


def test_a_device_of_another_gate_or_school_is_not_there(
    session: Session, school: School, device: Device, technician: Caller
) -> None:
    elsewhere = a_device(session, a_gate(session, a_school(session)))
    other_gate = a_gate(session, school)
    session.commit()

    for gate_id, name in ((device.gate_id, elsewhere.id), (other_gate.id, device.id)):
        assert give(technician, gate_id, device=name, name="sync").status_code == 404
    assert session.scalars(select(Command)).all() == []


def test_a_revoked_device_takes_none(session: Session, device: Device, technician: Caller) -> None:
    device.revoked_at = NOW
    session.commit()

    assert give(technician, device.gate_id, device=device.id, name="sync").status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"name": "open-the-door"},
        {"name": "identify", "args": {"seconds": 900}},
        {"name": "identify", "args": {"colour": "red"}},
        {"name": "sync", "within_seconds": 5},
        {"name": "sync", "within_seconds": 7200},
    ],
)
def test_an_order_that_no_device_knows_is_refused(
    device: Device, technician: Caller, body: dict[str, Any]
) -> None:
    assert give(technician, device.gate_id, device=device.id, **body).status_code == 422


@pytest.mark.parametrize(
    ("sent", "answered", "ok", "minutes_left", "state"),
    [
        (False, False, None, 5, "queued"),
        (True, False, None, 5, "sent"),
        (True, True, True, 5, "done"),
        (True, True, False, -9, "failed"),
        (True, False, None, -0.5, "sent"),  # its answer may be on its way
        (True, False, None, -2, "unanswered"),
        (False, False, None, -2, "unanswered"),
    ],
)
def test_how_an_order_stands(
    sent: bool, answered: bool, ok: bool | None, minutes_left: float, state: str
) -> None:
    assert (
        state_of(
            sent_at=NOW if sent else None,
            answered_at=NOW if answered else None,
            ok=ok,
            expires_at=NOW + timedelta(minutes=minutes_left),
            now=NOW,
        )
        == state
    )
