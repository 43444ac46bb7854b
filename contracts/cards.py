"""How a card names a student: a random token on the card, a keyed digest everywhere else.

The digest is what devices, brokers and rosters carry. Without the school's site key it can neither
be turned back into a token nor be computed from a card that somebody found.
"""

from __future__ import annotations

import hmac
import re

DIGEST_BYTES = 16  # of HMAC-SHA256: as unguessable as the token itself, half the bytes on the wire
TOKEN_BYTES = 16  # random, so a plain URI is enough: nobody guesses one of 2**128

_TOKEN_URI = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/t/([0-9A-Fa-f]{32})", re.ASCII)


def card_digest(site_key: bytes, secret: bytes) -> bytes:
    """What identifies a card within one school: 16 bytes that only the site key can produce.

    ``secret`` is the token's 16 raw bytes, or the UID's bytes for a school on legacy cards;
    ``sun.py`` says what it is of a secure card.
    """
    return hmac.digest(site_key, secret, "sha256")[:DIGEST_BYTES]


def is_random_uid(uid: bytes) -> bool:
    """Whether the card draws its UID anew each time, as telephones do: it identifies nobody.

    ISO/IEC 14443-3: four bytes of which the first is 08.
    """
    return len(uid) == 4 and uid.startswith(b"\x08")


def token_uri(domain: str, token: bytes) -> str:
    """The text of the card's NDEF URI record, which a phone can open too."""
    if len(token) != TOKEN_BYTES:
        raise ValueError(f"token: {len(token)} bytes, expected {TOKEN_BYTES}")
    return f"https://{domain}/t/{token.hex()}"


def token_of(uri: str) -> bytes | None:
    """The token in a card's URI on any domain, or None when the URI is not of our form."""
    match = _TOKEN_URI.fullmatch(uri)
    return bytes.fromhex(match[1]) if match else None
