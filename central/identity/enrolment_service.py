"""How a device gets its first certificate, and each next one."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from central import events
from central.accounts.service import record
from central.db import enter_schools
from central.devices.models import Device
from central.errors import Conflict, NotAllowed, WrongCredentials
from central.identity import authority_service
from central.identity.models import Certificate, EnrolmentCode
from central.identity.rules import CODE_BYTES, CODE_LIFETIME, code_digest
from central.identity.sealing import Safe
from central.identity.signing import Issued, public_der, requested_key

ENROLLED: Final = ("gate", "kiosk")  # the other kinds send from central itself
LONGEST_CODE: Final = 100

_REDEEM = text("SELECT * FROM redeem_enrolment_code(:digest, :now)")


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """To be shown once, and to be kept nowhere."""

    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, repr=False)  # repr would show the key
class Redeemed:
    """The device that a code was made for, and its school's key."""

    school_id: int
    device_id: str
    kind: str
    site_key: bytes


def issue_code(session: Session, device: Device, *, by: int | None, now: datetime) -> IssuedCode:
    """A code for this device; one that was not used becomes worthless.

    Raises Conflict for a revoked device, and for one that has no hardware.
    """
    if device.kind not in ENROLLED:
        raise Conflict("only gates and kiosks are enrolled")
    if device.revoked_at is not None:
        raise Conflict("the device is revoked; undo that first")
    withdraw_codes(session, device, now=now)
    code = secrets.token_urlsafe(CODE_BYTES)
    expires_at = now + CODE_LIFETIME
    session.add(
        EnrolmentCode(
            school_id=device.school_id,
            device_id=device.id,
            digest=code_digest(code),
            created_at=now,
            created_by=by,
            expires_at=expires_at,
        )
    )
    record(session, device.school_id, by, "issued_enrolment_code", f"device:{device.id}")
    return IssuedCode(code, expires_at)


def withdraw_codes(session: Session, device: Device, *, now: datetime) -> None:
    """Make the codes of a device worthless that were not used."""
    session.execute(
        update(EnrolmentCode)
        .where(
            EnrolmentCode.school_id == device.school_id,
            EnrolmentCode.device_id == device.id,
            EnrolmentCode.used_at.is_(None),
        )
        .values(used_at=now)
    )


def redeem(session: Session, code: str, *, kind: str, now: datetime) -> Redeemed:
    """Use up a code of a device of this kind, entering its school. Commit whatever comes of it.

    Raises WrongCredentials for one that is unknown, used, too old, or of another kind of device;
    it is used up all the same.
    """
    digest = code_digest(code[:LONGEST_CODE])
    found = session.execute(_REDEEM, {"digest": digest, "now": now}).one_or_none()
    if found is None or found.kind != kind:
        raise WrongCredentials("the code is unknown, used or too old; have another one made")
    enter_schools(session, [found.school_id])
    return Redeemed(found.school_id, found.device_id, found.kind, bytes(found.site_key))


def enrol(
    session: Session, redeemed: Redeemed, request: str, safe: Safe, *, now: datetime
) -> Issued:
    """Certify the key of ``request`` as that of the device; what it had before counts no longer.

    The name is the code's. Raises Conflict for a request that is of no use.
    """
    device = _device(session, redeemed.school_id, redeemed.device_id)
    key = requested_key(request)
    session.execute(
        update(Certificate)
        .where(
            Certificate.school_id == device.school_id,
            Certificate.device_id == device.id,
            Certificate.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    device.public_key = public_der(key)
    device.trusted = None
    issued = _issue(session, device, request, safe, now)
    record(session, device.school_id, None, "enrolled_device", f"device:{device.id}")
    events.announce(session, [(device.school_id, events.DEVICES)])
    return issued


def renew(
    session: Session, school_id: int, device_id: str, request: str, safe: Safe, *, now: datetime
) -> Issued:
    """Another certificate for the key that the device has. Safe to repeat.

    Raises Conflict for a request that is of no use, NotAllowed for one with another key.
    """
    device = _device(session, school_id, device_id)
    ours = device.public_key or b""
    if not hmac.compare_digest(public_der(requested_key(request)), ours):
        raise NotAllowed("csr: not the key with which the device was enrolled")
    issued = _issue(session, device, request, safe, now)
    record(session, school_id, None, "renewed_certificate", f"device:{device_id}")
    return issued


def note_trust(session: Session, school_id: int, device_id: str, version: str) -> None:
    """The device holds this set of authorities."""
    session.execute(
        update(Device)
        .where(
            Device.school_id == school_id,
            Device.id == device_id,
            Device.trusted.is_distinct_from(version),
        )
        .values(trusted=version)
    )


def _issue(session: Session, device: Device, request: str, safe: Safe, now: datetime) -> Issued:
    authority_id, signer = authority_service.signing(session, safe)
    issued = signer.sign_device(device.id, requested_key(request), now=now)
    session.add(
        Certificate(
            school_id=device.school_id,
            serial=issued.serial,
            device_id=device.id,
            authority_id=authority_id,
            issued_at=now,
            expires_at=issued.expires_at,
        )
    )
    session.flush()
    return issued


def _device(session: Session, school_id: int, device_id: str) -> Device:
    """Locked, so that of two who enrol or revoke at once the second sees what the first did."""
    device = session.scalars(
        select(Device)
        .where(Device.school_id == school_id, Device.id == device_id)
        .with_for_update(key_share=True)
    ).one()
    if device.revoked_at is not None:
        raise WrongCredentials("the device is revoked")
    return device
