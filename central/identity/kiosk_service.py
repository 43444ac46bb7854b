"""Kiosks: devices in a browser, which have no certificate but a token of their own."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from central import events
from central.accounts.service import record
from central.db import enter_schools
from central.devices.models import Device
from central.devices.tokens import DeviceSeen
from central.errors import WrongCredentials
from central.identity.enrolment_service import Redeemed

TOKEN_BYTES: Final = 32
LONGEST_TOKEN: Final = 100

_KIOSK = text("SELECT school_id, device_id FROM kiosk_of_token(:digest)")


def pair(session: Session, redeemed: Redeemed) -> str:
    """The kiosk's token, which is kept nowhere else; the one that it had before ends.

    Raises WrongCredentials for one that was revoked meanwhile.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    changed = session.execute(
        update(Device)
        .where(
            Device.school_id == redeemed.school_id,
            Device.id == redeemed.device_id,
            Device.kind == "kiosk",
            Device.revoked_at.is_(None),
        )
        .values(token_digest=_digest(token))
        .returning(Device.id)
    ).one_or_none()
    if changed is None:
        raise WrongCredentials("the device is revoked")
    record(session, redeemed.school_id, None, "paired_kiosk", f"device:{redeemed.device_id}")
    events.announce(session, [(redeemed.school_id, events.DEVICES)])
    return token


def kiosk_of(session: Session, token: str) -> DeviceSeen | None:
    """The kiosk with this token, entering its school; None for one unknown or revoked."""
    found = session.execute(_KIOSK, {"digest": _digest(token[:LONGEST_TOKEN])}).one_or_none()
    if found is None:
        return None
    enter_schools(session, [found.school_id])
    return DeviceSeen(found.device_id, found.school_id)


def _digest(token: str) -> bytes:
    """It is random enough that a digest tells nothing, and found by it in constant time."""
    return hashlib.sha256(token.encode()).digest()
