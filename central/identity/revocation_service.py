"""Putting a device out of action, and back. The broker follows within seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from central import events
from central.accounts.service import record
from central.devices.models import Device
from central.identity.enrolment_service import withdraw_codes


def revoke(session: Session, device: Device, *, by: int | None, reason: str, now: datetime) -> None:
    """Refuse the device everywhere, from now on. Repeating changes nothing.

    It is mute at the broker within seconds, gets nothing over HTTPS, and wipes what it knows as
    soon as it learns of it.
    """
    if not _set(session, device, now):
        return
    withdraw_codes(session, device, now=now)
    record(
        session, device.school_id, by, "revoked_device", f"device:{device.id}", {"reason": reason}
    )
    events.announce(session, [(device.school_id, events.DEVICES)])


def restore(session: Session, device: Device, *, by: int | None) -> None:
    """Take a revocation back: its certificate is good again. Repeating changes nothing.

    A device that has learned of the revocation has lost its key and needs a new code.
    """
    if not _set(session, device, None):
        return
    record(session, device.school_id, by, "restored_device", f"device:{device.id}")
    events.announce(session, [(device.school_id, events.DEVICES)])


def _set(session: Session, device: Device, revoked_at: datetime | None) -> bool:
    """Whether it was otherwise before."""
    changed = session.execute(
        update(Device)
        .where(
            Device.school_id == device.school_id,
            Device.id == device.id,
            Device.revoked_at.is_(None) if revoked_at else Device.revoked_at.is_not(None),
        )
        .values(revoked_at=revoked_at)
        .returning(Device.id)
    )
    return changed.one_or_none() is not None
