"""Gates and the devices at them as the API lists them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from central.devices.models import Device, Gate, Stream


@dataclass(frozen=True, slots=True)
class DeviceListed:
    """``online`` is what the device, or the broker in its name, said last, at ``status_at``."""

    id: str
    kind: str
    direction: str
    online: bool
    version: str | None
    status_at: datetime | None
    revoked_at: datetime | None
    last_tap_received_at: datetime | None


@dataclass(frozen=True, slots=True)
class GateListed:
    id: int
    name: str
    devices: Sequence[DeviceListed]


def gates_after(session: Session, school_id: int, after: int, limit: int) -> list[GateListed]:
    """At most ``limit`` gates with an id above ``after``, each with all its devices."""
    gates = session.execute(
        select(Gate.id, Gate.name)
        .where(Gate.school_id == school_id, Gate.id > after)
        .order_by(Gate.id)
        .limit(limit)
    ).all()
    devices = _devices(session, school_id, [gate.id for gate in gates])
    return [GateListed(gate.id, gate.name, devices[gate.id]) for gate in gates]


def _devices(
    session: Session, school_id: int, gate_ids: Sequence[int]
) -> dict[int, list[DeviceListed]]:
    rows = session.execute(
        select(
            Device.gate_id,
            *(Device.id, Device.kind, Device.direction, Device.online, Device.version),
            *(Device.status_at, Device.revoked_at),
            func.max(Stream.last_received_at),
        )
        .outerjoin(
            Stream, and_(Stream.school_id == Device.school_id, Stream.device_id == Device.id)
        )
        .where(Device.school_id == school_id, Device.gate_id.in_(gate_ids))
        .group_by(Device.school_id, Device.id)
        .order_by(Device.id)
    )
    found: dict[int, list[DeviceListed]] = defaultdict(list)
    for row in rows:
        found[row.gate_id].append(DeviceListed(*row[1:]))
    return found
