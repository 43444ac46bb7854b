"""The keys of secure cards, and what one of their links proves (NTAG 424 DNA, NXP AN12196).

Every card has a key of its own. All follow from one secret of the installation, which is in no
database and at no gate: who steals a gate, or a backup, can pretend no card.
"""

from __future__ import annotations

import hmac
import re
from typing import Final, Self

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from contracts.messages import Card
from contracts.sun import (
    KEY_BYTES,
    PICC_BYTES,
    Picc,
    number_key,
    picc_of,
    session_vector,
    sun_digest,
    truncated,
)

MASTER_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")
# What AN10922 calls the system identifier. Together with a UID of 7 bytes it must have 16 to 31
# bytes: a shorter input is padded otherwise there than by CMAC itself.
_SYSTEM: Final = b"school attendance"


class CardKeys:
    """Makes the key of any card, for whoever encodes cards and whoever checks them."""

    def __init__(self, master: bytes) -> None:
        self._master = master

    @classmethod
    def from_setting(cls, value: str) -> Self | None:
        """``value`` is ``CARD_MASTER_KEY``: 64 hex digits, or empty where no card is secure."""
        return cls(bytes.fromhex(value)) if value else None

    def card_key(self, school_id: int, uid: bytes) -> bytes:
        """The key with which one card proves itself (SDMFileReadKey)."""
        return diversified(self._of_school(school_id, "secure cards"), uid + _SYSTEM)

    def change_key(self, school_id: int, uid: bytes) -> bytes:
        """The key without which nobody changes what is on the card (AppMasterKey)."""
        return diversified(self._of_school(school_id, "changes of cards"), uid + _SYSTEM)

    def _of_school(self, school_id: int, purpose: str) -> bytes:
        said = f"{purpose} of {school_id}".encode()
        return hmac.digest(self._master, said, "sha256")[:KEY_BYTES]

    def proven_counter(self, card: Card, school_id: int, site_key: bytes) -> int | None:
        """How often the card was read, if it was the card itself that said so; None: a forgery."""
        if card.e is None or card.c is None:
            return None
        picc = picc_of(_decrypt(number_key(site_key), bytes.fromhex(card.e)))
        if picc is None or sun_digest(site_key, picc.uid).hex() != card.digest:
            return None
        expected = link_mac(self.card_key(school_id, picc.uid), picc)
        return picc.counter if hmac.compare_digest(expected, bytes.fromhex(card.c)) else None


def diversified(key: bytes, what: bytes) -> bytes:
    """AN10922, section 2.2: a key of AES-128 for ``what``, of 16 to 31 bytes."""
    return _cmac(key, b"\x01" + what)


def link_mac(card_key: bytes, picc: Picc) -> bytes:
    """``c`` as the card makes it: over nothing, with a key of this one read (AN12196)."""
    return truncated(_cmac(_cmac(card_key, session_vector(picc)), b""))


def _cmac(key: bytes, message: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()


def _decrypt(key: bytes, block: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(PICC_BYTES))).decryptor()
    return decryptor.update(block) + decryptor.finalize()
