"""Reading what a secure card says of itself: see ``contracts/sun.py``.

The gate tells cards apart and sees that a counter grows; whether the card itself was there, only
central can prove, because a stolen gate must not be able to pretend it.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from contracts.sun import PICC_BYTES, Picc, picc_of


def read(key: bytes, e: str) -> Picc | None:
    """The card's number and counter; None when ``e``, in hex, was not encrypted with ``key``."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(PICC_BYTES))).decryptor()
    return picc_of(decryptor.update(bytes.fromhex(e)) + decryptor.finalize())
