"""What an NTAG 424 DNA says in its link, which is another at every read (SUN, NXP AN12196).

``e`` is the card's number and its read counter, encrypted with a key of the whole school: whoever
has that key can tell cards apart, and nothing more. It follows from the site key, which a gate has
anyway. ``c`` is a MAC over them with a key of that one card, which only central can compute: it
proves that the card itself was there. The standard library has no AES, so each side brings its
own; what the bytes mean is here.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Final

from contracts.cards import card_digest

KEY_BYTES: Final = 16  # AES-128, the only size that the card knows
PICC_BYTES: Final = 16
MAC_BYTES: Final = 8
UID_BYTES: Final = 7

_URI = re.compile(
    rf"https://[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?/t"
    rf"\?e=([0-9A-Fa-f]{{{PICC_BYTES * 2}}})&c=([0-9A-Fa-f]{{{MAC_BYTES * 2}}})",
    re.ASCII,
)
_NUMBER_AND_COUNTER = 0xC7  # PICCDataTag: both are mirrored, and the number has 7 bytes
_SESSION_MAC = bytes.fromhex("3cc300010080")
# So that no UID (4, 7 or 10 bytes) and no token (16) is ever digested to the same value: what a
# telephone reads of a secure card must not pass for the card at a school that takes plain UIDs.
_APART = b"sun\x00"


@dataclass(frozen=True, slots=True)
class Picc:
    """A card's number, and how often its link was read: 1 at the first time, never less again."""

    uid: bytes
    counter: int


def sun_uri(domain: str, e: bytes, c: bytes) -> str:
    """The link as the card makes it up."""
    return f"https://{domain}/t?e={e.hex().upper()}&c={c.hex().upper()}"


def sun_of(uri: str) -> tuple[str, str] | None:
    """``e`` and ``c`` as lower-case hex, on any domain, or None when it is no link of this form."""
    match = _URI.fullmatch(uri)
    return (match[1].lower(), match[2].lower()) if match else None


def number_key(site_key: bytes) -> bytes:
    """The school's key for ``e`` (SDMMetaReadKey)."""
    return hmac.digest(site_key, b"secure cards, number", "sha256")[:KEY_BYTES]


def sun_digest(site_key: bytes, uid: bytes) -> bytes:
    """What identifies a secure card within one school."""
    return card_digest(site_key, _APART + uid)


def picc_of(plain: bytes) -> Picc | None:
    """What the decrypted ``e`` says; None when it was encrypted with another key."""
    if len(plain) != PICC_BYTES or plain[0] != _NUMBER_AND_COUNTER:
        return None
    return Picc(plain[1:8], int.from_bytes(plain[8:11], "little"))


def plain_picc(picc: Picc, padding: bytes) -> bytes:
    """What the card encrypts: the inverse of ``picc_of``; the padding is random."""
    counter = picc.counter.to_bytes(3, "little")
    return bytes([_NUMBER_AND_COUNTER]) + picc.uid + counter + padding


def session_vector(picc: Picc) -> bytes:
    """Whose CMAC with the card's key is the key of this one read (SV2)."""
    return _SESSION_MAC + picc.uid + picc.counter.to_bytes(3, "little")


def truncated(mac: bytes) -> bytes:
    """``c`` of a whole CMAC: every second byte (AN12196, MACt)."""
    return mac[1::2]
