"""Orders to the devices of a gate, for those who gave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.devices.link_models import Command
from central.devices.models import Device
from central.devices.steering_rules import state_of


@dataclass(frozen=True, slots=True)
class OrderListed:
    """``state`` is as of now; ``result`` and ``error`` are the device's own words."""

    id: int
    device_id: str
    name: str
    args: Mapping[str, Any]
    state: str
    created_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    error: str | None
    result: Mapping[str, Any] | None


def device_at_gate(session: Session, school_id: int, gate_id: int, device_id: str) -> Device | None:
    """None as well for a device of another gate or school."""
    return session.scalars(
        select(Device).where(
            Device.school_id == school_id, Device.gate_id == gate_id, Device.id == device_id
        )
    ).one_or_none()


def orders_before(
    session: Session, school_id: int, gate_id: int, before: int | None, limit: int, *, now: datetime
) -> list[OrderListed]:
    """At most ``limit`` orders of this gate's devices, the newest first."""
    query = (
        select(Command)
        .join(Device, (Device.school_id == Command.school_id) & (Device.id == Command.device_id))
        .where(Command.school_id == school_id, Device.gate_id == gate_id)
        .order_by(Command.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Command.id < before)
    return [listed(command, now=now) for command in session.scalars(query)]


def listed(command: Command, *, now: datetime) -> OrderListed:
    """The order as it stands at ``now``."""
    state = state_of(
        sent_at=command.sent_at,
        answered_at=command.answered_at,
        ok=command.ok,
        expires_at=command.expires_at,
        now=now,
    )
    return OrderListed(
        command.id,
        command.device_id,
        command.name,
        command.args,
        state,
        command.created_at,
        command.expires_at,
        command.sent_at,
        command.answered_at,
        command.error,
        command.result,
    )
