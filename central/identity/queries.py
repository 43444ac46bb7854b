"""Looking up certificates, and whom the broker must refuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from central.devices.models import Device
from central.identity.models import Authority, Certificate
from central.identity.rules import LIST_LIFETIME, TRUSTED, bundle_version, to_renew

_REFUSED = text("SELECT * FROM refused_at_broker(:now) ORDER BY device_id, serial")


@dataclass(frozen=True, slots=True)
class Refused:
    """``devices`` are mute; ``serials`` of certificates that do not count, by authority."""

    devices: Sequence[str]
    serials: Mapping[int, Sequence[str]]


@dataclass(frozen=True, slots=True)
class CertificateShown:
    """The newest certificate of a device."""

    serial: str
    authority_id: int
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """How far the gates have followed. ``devices`` are those in use, with a certificate."""

    states: Sequence[tuple[int, str, datetime]]
    devices: int
    trusting: int  # hold the authorities of now
    renewed: int  # have a certificate of the one that signs now


def refused(session: Session, *, now: datetime) -> Refused:
    """Of all schools; needs none to be entered. For the role ``scheduler`` only."""
    devices: set[str] = set()
    serials: dict[int, set[str]] = defaultdict(set)
    for row in session.execute(_REFUSED, {"now": now}):
        if row.muted:
            devices.add(row.device_id)
        if row.serial is not None:
            serials[row.authority_id].add(row.serial)
    return Refused(sorted(devices), {key: sorted(found) for key, found in serials.items()})


def list_ends_at(session: Session) -> datetime | None:
    """When the revocation list ends that the broker has; None before there is one."""
    newest = session.scalar(
        select(func.min(Authority.listed_at)).where(Authority.state.in_(TRUSTED))
    )
    return None if newest is None else newest + LIST_LIFETIME


def newest_certificate(session: Session, school_id: int, device_id: str) -> CertificateShown | None:
    found = session.scalars(
        select(Certificate)
        .where(Certificate.school_id == school_id, Certificate.device_id == device_id)
        .order_by(Certificate.issued_at.desc(), Certificate.serial)
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    return CertificateShown(
        found.serial, found.authority_id, found.issued_at, found.expires_at, found.revoked_at
    )


def to_be_renewed(session: Session, school_id: int, device_id: str, *, now: datetime) -> bool:
    """Whether it is time, or its certificate is not of the authority that signs now."""
    newest = newest_certificate(session, school_id, device_id)
    if newest is None:
        return True
    current = session.scalar(select(Authority.id).where(Authority.state == "current"))
    return newest.authority_id != current or to_renew(newest.expires_at, now)


def rotation(session: Session) -> Rotation:
    """Of all schools; for their owner."""
    authorities = session.scalars(select(Authority).order_by(Authority.id)).all()
    trusted = [one.certificate for one in authorities if one.state in TRUSTED]
    current = next((one.id for one in authorities if one.state == "current"), None)
    in_use = select(Device.id, Device.trusted).where(
        Device.kind == "gate", Device.public_key.is_not(None), Device.revoked_at.is_(None)
    )
    devices = session.execute(in_use).all()
    certified = session.scalars(
        select(func.distinct(Certificate.device_id)).where(
            Certificate.authority_id == current, Certificate.revoked_at.is_(None)
        )
    ).all()
    version = bundle_version(trusted)
    return Rotation(
        [(one.id, one.state, one.created_at) for one in authorities],
        len(devices),
        sum(device.trusted == version for device in devices),
        len({device.id for device in devices} & set(certified)),
    )
