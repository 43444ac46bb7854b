"""Gates and their devices as somebody registers them."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.devices.models import Device, Gate
from central.errors import Conflict, NotFound
from contracts.topics import DEVICE_ID

KINDS: Final = ("gate", "kiosk")
DIRECTIONS: Final = ("auto", "in", "out")
OURS: Final = re.compile(r"central-")  # names that mean central's processes at the broker


def register(
    session: Session,
    gate: Gate,
    device_id: str,
    *,
    kind: str = "gate",
    direction: str = "auto",
    by: int | None,
) -> Device:
    """A new device at a gate; it can do nothing before it is enrolled.

    Raises Conflict for a name that is malformed, or taken, be it in another school.
    """
    if not DEVICE_ID.fullmatch(device_id) or OURS.match(device_id):
        raise Conflict("id: 3 to 40 of a-z, 0-9 and -, and not beginning with central-")
    school_id = gate.school_id
    added = session.execute(
        insert(Device)
        .values(school_id=school_id, id=device_id, gate_id=gate.id, kind=kind, direction=direction)
        .on_conflict_do_nothing()
        .returning(Device.id)
    ).one_or_none()
    if added is None:
        raise Conflict("id: taken; choose another")
    record(session, school_id, by, "registered_device", f"device:{device_id}", {"kind": kind})
    return session.get_one(Device, (school_id, device_id))


def gate_of(session: Session, school_id: int, gate_id: int) -> Gate:
    """Raises NotFound, also for one of another school."""
    gate = session.get(Gate, (school_id, gate_id))
    if gate is None:
        raise NotFound("no such gate")
    return gate


def gate_named(session: Session, school_id: int, name: str) -> Gate:
    """The gate of this name, which is added if there is none."""
    gate = session.scalars(
        select(Gate).where(Gate.school_id == school_id, Gate.name == name)
    ).one_or_none()
    if gate is None:
        gate = Gate(school_id=school_id, name=name)
        session.add(gate)
        session.flush()
    return gate
