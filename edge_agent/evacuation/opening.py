"""Opens a sealed list with what a person brings: the school's PIN, or a staff card.

The private key derived from it lives in memory only while somebody looks at the list.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.evacuation import (
    NONCE_BYTES,
    InsideList,
    SealedList,
    Wrap,
    card_secret,
    normal_pin,
    pin_secret,
    unpack,
    wrapping_key,
)
from contracts.fields import ContractError

_ZERO_NONCE: Final = bytes(NONCE_BYTES)  # a wrapping key is used once


class WrongKey(Exception):
    """This PIN or card does not open the list."""


class Damaged(Exception):
    """The key fits, but the list is not what central sealed."""


class OpenerKey:
    """A private key that opens this list and the ones that central seals after it."""

    def __init__(self, secret: bytes) -> None:
        self._private = X25519PrivateKey.from_private_bytes(secret)
        self._public = self._private.public_key().public_bytes_raw()

    @classmethod
    def of_pin(cls, typed: str, sealed: SealedList) -> OpenerKey:
        """Takes about half a second. Raises WrongKey for what cannot be the PIN."""
        pin = normal_pin(typed)
        salts = [wrap.salt for wrap in sealed.wraps if wrap.salt is not None]
        if pin is None or not salts:
            raise WrongKey
        return cls(pin_secret(pin, salts[0]))

    @classmethod
    def of_card(cls, token: bytes) -> OpenerKey:
        return cls(card_secret(token))

    def open(self, sealed: SealedList) -> InsideList:
        """Raises WrongKey or Damaged."""
        wrap = next((wrap for wrap in sealed.wraps if wrap.opener == self._public), None)
        if wrap is None:
            raise WrongKey
        try:
            key = self._unwrap(wrap, sealed.bound)
            plain = AESGCM(key).decrypt(sealed.nonce, sealed.sealed, sealed.bound)
            return unpack(plain)
        except (InvalidTag, ValueError, ContractError) as error:
            raise Damaged(type(error).__name__) from error

    def _unwrap(self, wrap: Wrap, bound: bytes) -> bytes:
        shared = self._private.exchange(X25519PublicKey.from_public_bytes(wrap.ephemeral))
        wrapping = wrapping_key(shared, wrap.ephemeral, self._public)
        return AESGCM(wrapping).decrypt(_ZERO_NONCE, wrap.wrapped, bound)
