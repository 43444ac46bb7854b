"""How a device proves over HTTPS who it is: a JWT (RFC 7519) that it signs with its own key.

Central knows the public half only, so nothing that is stored here lets anybody speak for a device.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import text
from sqlalchemy.orm import Session

from central.db import enter_schools
from central.errors import DeviceRevoked
from contracts.topics import DEVICE_ID

AUDIENCE: Final = "central"
ALGORITHM: Final = "ES256"
# A device signs for two minutes. A token for longer was made by a clock that is off or by somebody
# who wants to keep it; the device learns our time from the refusal's Date and signs another.
LONGEST_LIFETIME: Final = timedelta(minutes=5)

# Verified against for a device that is unknown: the answer takes as long as for one that is not.
_NOBODY: Final = generate_private_key(SECP256R1()).public_key()
_KEY = text("SELECT school_id, public_key, revoked FROM key_of_device(:device_id)")


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A device that proved itself, and its school."""

    id: str
    school_id: int


def device_of(session: Session, token: str, *, now: datetime) -> DeviceSeen | None:
    """The device that signed ``token``, entering its school; None if it proves nothing.

    So it is for an unknown device too. Raises DeviceRevoked for a revoked one that proves itself:
    it has to learn of it, and nobody else does.
    """
    device_id = _claimed(token)
    found = session.execute(_KEY, {"device_id": device_id}).one_or_none()
    if not _verifies(token, device_id, _key(found.public_key if found else None), now):
        return None
    if found is None or found.public_key is None:
        return None
    if found.revoked:
        raise DeviceRevoked("this device was revoked")
    enter_schools(session, [found.school_id])
    return DeviceSeen(device_id, found.school_id)


def _claimed(token: str) -> str:
    """The name that the token gives, unproved; empty if it gives none of the right form."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return ""
    name = claims.get("sub")
    return name if isinstance(name, str) and DEVICE_ID.fullmatch(name) else ""


def _key(public_key: bytes | None) -> EllipticCurvePublicKey:
    key = _NOBODY if public_key is None else load_der_public_key(public_key)
    assert isinstance(key, EllipticCurvePublicKey)
    return key


def _verifies(token: str, device_id: str, key: EllipticCurvePublicKey, now: datetime) -> bool:
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],  # never the token's own choice
            audience=AUDIENCE,
            issuer=device_id,
            subject=device_id,
            options={
                "require": ["exp", "iss", "sub", "aud"],
                "verify_exp": False,  # below, against the clock that was passed in
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        ends_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError, OSError):
        return False
    return now < ends_at <= now + LONGEST_LIFETIME
