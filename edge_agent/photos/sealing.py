"""Seals a photo to central: from then on this gate cannot see it either."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from contracts.photos import SealedPhoto, bound, key_id

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


def seal(jpeg: bytes, public_key: bytes, device: str, photo: str) -> bytes:
    """As it is kept and sent; ``public_key`` is the roster's."""
    key = X25519PublicKey.from_public_bytes(public_key)
    return SealedPhoto(
        key_id(public_key), _SUITE.encrypt(jpeg, key, bound(device, photo))
    ).to_bytes()
