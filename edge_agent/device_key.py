"""The device's own key, with which it proves to central who it is. The private half stays here."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

AUDIENCE = "central"
# Central accepts five minutes at most. Two leave room for a clock that is off in either direction,
# and a token that leaked is soon worthless.
LIFETIME = timedelta(minutes=2)

_HEADER = {"alg": "ES256", "typ": "JWT"}
_COORDINATE_BYTES = 32  # of P-256; RFC 7518, section 3.4


class DeviceKeyUnusable(Exception):
    """The file holds no unencrypted P-256 key in PEM; the text says what is wrong with it."""


class DeviceKey:
    """A P-256 key in the name of ``device``."""

    def __init__(self, device: str, key: EllipticCurvePrivateKey) -> None:
        self._device = device
        self._key = key

    @classmethod
    def from_file(cls, device: str, path: Path) -> DeviceKey:
        """Raises DeviceKeyUnusable."""
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise DeviceKeyUnusable(f"{type(error).__name__}: {error}") from error
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise DeviceKeyUnusable("not a P-256 key")
        return cls(device, key)

    def token(self, now: datetime) -> str:
        """A JWT (RFC 7519) by ES256 that central accepts for ``LIFETIME`` from ``now`` on."""
        claims = {
            "iss": self._device,
            "sub": self._device,
            "aud": AUDIENCE,
            "exp": int((now + LIFETIME).timestamp()),
        }
        signed = f"{_part(_HEADER)}.{_part(claims)}"
        return f"{signed}.{_base64url(self._sign(signed.encode()))}"

    def _sign(self, content: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(content, ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(_COORDINATE_BYTES, "big") for number in (r, s))


def _part(value: Mapping[str, object]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
