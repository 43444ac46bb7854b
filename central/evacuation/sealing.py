"""Seals the list of who is inside so that only a school's PIN or a staff card opens it.

Every sealing draws a new key and new ephemeral keys. So the all-zero nonce under a wrapping key is
used once, and what two sealings have in common does not show.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.evacuation import (
    NONCE_BYTES,
    PIN_DIGITS,
    SALT_BYTES,
    InsideList,
    SealedList,
    Wrap,
    card_secret,
    pack,
    pin_secret,
    wrapping_key,
)

_ZERO_NONCE: Final = bytes(NONCE_BYTES)


@dataclass(frozen=True, slots=True)
class OpenerKey:
    """The public key of a PIN (with its salt) or of a card (without)."""

    public_key: bytes
    salt: bytes | None = None


def new_pin() -> str:
    """Random, because no PIN that a person thinks of withstands a computer that tries them all."""
    return "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))


def opener_of_pin(pin: str) -> OpenerKey:
    salt = secrets.token_bytes(SALT_BYTES)
    return OpenerKey(_public(pin_secret(pin, salt)), salt)


def opener_of_card(token: bytes) -> OpenerKey:
    return OpenerKey(_public(card_secret(token)))


def seal(content: InsideList, device: str, openers: Sequence[OpenerKey]) -> SealedList:
    """``content`` for one gate's device, readable for whoever brings one of ``openers``."""
    key = AESGCM.generate_key(256)
    nonce = secrets.token_bytes(NONCE_BYTES)
    draft = SealedList(device, content.made_at, (), nonce, b"")
    return replace(
        draft,
        wraps=tuple(_wrap(key, opener, draft.bound) for opener in openers),
        sealed=AESGCM(key).encrypt(nonce, pack(content), draft.bound),
    )


def _wrap(key: bytes, opener: OpenerKey, bound: bytes) -> Wrap:
    mine = X25519PrivateKey.generate()
    ephemeral = mine.public_key().public_bytes_raw()
    shared = mine.exchange(X25519PublicKey.from_public_bytes(opener.public_key))
    wrapping = wrapping_key(shared, ephemeral, opener.public_key)
    wrapped = AESGCM(wrapping).encrypt(_ZERO_NONCE, key, bound)
    return Wrap(ephemeral, opener.public_key, wrapped, opener.salt)


def _public(secret: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
