"""Looking up devices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.devices.models import Device, Gate

_SCHOOLS = text("SELECT device_id, school_id FROM schools_of_devices(:device_ids)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands, and which way people go there."""

    gate_id: int
    gate: str
    direction: str


def schools_of(session: Session, device_ids: Iterable[str]) -> dict[str, int]:
    """The school of each of these devices; one that is unknown or revoked is left out.

    Looks across schools, so it needs none to be named. For the role ``ingest`` only.
    """
    rows = session.execute(_SCHOOLS, {"device_ids": sorted(set(device_ids))})
    return {row.device_id: row.school_id for row in rows}


def place_of(session: Session, school_id: int, device_id: str) -> Place:
    """Of a device that exists."""
    row = session.execute(
        select(Gate.id, Gate.name, Device.direction)
        .join(Device, (Device.school_id == Gate.school_id) & (Device.gate_id == Gate.id))
        .where(Device.school_id == school_id, Device.id == device_id)
    ).one()
    return Place(row.id, row.name, row.direction)
