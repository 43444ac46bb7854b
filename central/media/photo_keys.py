"""Opens what gates seal.

A private key is derived from a secret of the settings, so there is nothing to make or to store. The
first secret is that of today, to whose public key gates seal; the earlier ones still open what a
gate sealed before it was told of a newer one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from central.settings import Settings
from contracts.fields import ContractError
from contracts.photos import SealedPhoto, bound, key_id

_PURPOSE: Final = b"school-attendance photos 1"
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


class Unreadable(Exception):
    """Damaged, sealed for another photo, or to a key that we do not have."""


class PhotoKeys:
    """The keys of one installation, the current one first."""

    def __init__(self, secrets: Sequence[str]) -> None:
        keys = [_private_key(secret) for secret in secrets]
        self._keys = {key_id(_public(key)): key for key in keys}
        self.current = _public(keys[0])

    def open(self, sealed: bytes, device: str, photo: str) -> bytes:
        """The JPEG that this device sealed as its photo of this id. Raises Unreadable."""
        try:
            read = SealedPhoto.from_bytes(sealed)
            return _SUITE.decrypt(read.content, self._keys[read.key_id], bound(device, photo))
        except (ContractError, InvalidTag, KeyError, ValueError) as error:
            raise Unreadable(type(error).__name__) from error


def photo_keys(settings: Settings) -> PhotoKeys:
    return PhotoKeys([settings.photo_key, *settings.photo_keys_before])


def _private_key(secret: str) -> X25519PrivateKey:
    derived = HKDF(SHA256(), 32, None, _PURPOSE).derive(secret.encode())
    return X25519PrivateKey.from_private_bytes(derived)


def _public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()
