"""Photos taken at a gate: how one is named, sealed and sent.

A photo is sealed on the gate to central's public key, so neither the gate's disk nor the store in
between can show it. Sealing is HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-128-GCM; ``bound``
is its ``info``, so a sealed photo cannot pass for another one's. Both sides bring the cryptography:
this module needs the standard library alone.

A gate offers a photo (``PhotoOffer``), learns where to put it (``PhotoTicket``), puts it there and
says so. Each step may be repeated.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from contracts import fields
from contracts.fields import ContractError

PHOTO_ID: Final = re.compile(r"[0-9a-f]{32}")
PUBLIC_KEY: Final = re.compile(r"[0-9a-f]{64}")  # X25519

# JPEG, 640 by 480 at quality 80: some 50 kB, and 90 kB of pure noise.
LARGEST_JPEG: Final = 200_000
_VERSION: Final = b"\x01"
_KEY_ID_BYTES: Final = 8
_HPKE_BYTES: Final = 32 + 16  # the ephemeral key and the tag
_HEAD_BYTES: Final = len(_VERSION) + _KEY_ID_BYTES
LARGEST_SEALED: Final = _HEAD_BYTES + _HPKE_BYTES + LARGEST_JPEG


def key_id(public_key: bytes) -> bytes:
    """What tells a key from the ones before it."""
    return hashlib.sha256(public_key).digest()[:_KEY_ID_BYTES]


def bound(device: str, photo: str) -> bytes:
    """What is bound to the sealing of this device's photo."""
    return f"school-attendance photo 1 {device} {photo}".encode()


@dataclass(frozen=True, slots=True)
class SealedPhoto:
    """A JPEG of ``LARGEST_JPEG`` bytes at most under the key of this id."""

    key_id: bytes
    content: bytes

    @classmethod
    def from_bytes(cls, sealed: bytes) -> Self:
        """Raises ContractError for what cannot be one."""
        if not sealed.startswith(_VERSION):
            raise ContractError("photo: not a sealed one")
        if not _HEAD_BYTES + _HPKE_BYTES < len(sealed) <= LARGEST_SEALED:
            raise ContractError(f"photo: must have up to {LARGEST_SEALED} bytes")
        return cls(sealed[len(_VERSION) : _HEAD_BYTES], sealed[_HEAD_BYTES:])

    def to_bytes(self) -> bytes:
        return _VERSION + self.key_id + self.content


@dataclass(frozen=True, slots=True)
class PhotoOffer:
    """A device has a sealed photo of so many bytes."""

    id: str
    size: int

    @classmethod
    def from_json(cls, payload: bytes) -> Self:
        raw = fields.load(payload)
        return cls(
            fields.text(raw, "id", PHOTO_ID),
            fields.whole(raw, "size", least=1, most=LARGEST_SEALED),
        )

    def to_json(self) -> bytes:
        return fields.dump({"id": self.id, "size": self.size})


_ADDRESS: Final = re.compile(r"(?:https?://|/)[\x21-\x7e]{1,4000}")


@dataclass(frozen=True, slots=True)
class PhotoTicket:
    """Where to put an offered photo, by PUT; None: central has it, and the device may forget it.

    A path is one of central's own, with the device's token; a whole address needs none.
    """

    put: str | None

    @classmethod
    def from_json(cls, payload: bytes) -> Self:
        raw = fields.load(payload)
        held = fields.truth(raw, "held")
        return cls(None if held else fields.text(raw, "put", _ADDRESS))

    def to_json(self) -> bytes:
        return fields.dump({"held": self.put is None, "put": self.put})
