"""What a card says about who holds it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contracts.cards import card_digest, is_random_uid, token_of
from contracts.messages import Card
from contracts.sun import number_key, sun_digest, sun_of
from edge_agent import sun
from edge_agent.readers.base import CardRead, CodeRead, Sighting, TornRead
from edge_agent.readers.presence import identity

_UID_LENGTHS = (4, 7, 10)  # bytes, ISO/IEC 14443-3
_UID_IN_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){4,10}", re.ASCII)
_UID_IN_DECIMAL = re.compile(r"[0-9]{10}", re.ASCII)  # of four bytes, as cheap readers type it
_CODE = b"code\x00"  # keeps the trace of any printed text apart from those of cards


@dataclass(frozen=True, slots=True)
class Named:
    """A card, and what it says of itself.

    ``verdict`` is what to answer whatever the roster says: then the digest is a trace and must not
    be looked up. ``counter`` is how often a secure card was read; less or as often as before is
    a copy of what it once said.
    """

    card: Card
    verdict: str | None = None
    counter: int | None = None


class CardNames:
    """Turns what a reader saw into the digest by which one school knows a card."""

    def __init__(self, site_key: bytes, token_domain: str) -> None:
        self._key = site_key
        self._number_key = number_key(site_key)
        self._prefix = f"https://{token_domain}/".lower()

    def name(self, sighting: Sighting, *, uid_cards: bool) -> Named:
        """A card by its token, its secure link or, at a school of ``uid_cards``, by its UID.

        A torn read goes by its UID as a trace only: the card may well hold a token.
        """
        match sighting:
            case TornRead(uid):
                return Named(self._by_uid(uid), "torn")
            case CodeRead(text):
                return self._of_code(text, uid_cards)
            case CardRead(uid, uri):
                return self._of_card(uid, uri or "", uid_cards)

    def _of_card(self, uid: bytes, uri: str, uid_cards: bool) -> Named:
        token, link = (token_of(uri), sun_of(uri)) if self._is_ours(uri) else (None, None)
        if token is not None:
            return Named(Card("token", card_digest(self._key, token).hex()))
        if link is not None:
            return self._of_link(uid, link)
        return self._of_uid(uid, uid_cards)

    def _of_link(self, uid: bytes, link: tuple[str, str]) -> Named:
        picc = sun.read(self._number_key, link[0])
        if picc is None:  # of another school, or made up
            return Named(self._secure(uid, link), "unknown")
        if uid != picc.uid and not is_random_uid(uid):  # a copy of the link on another card
            return Named(self._secure(picc.uid, link), "forged")
        return Named(self._secure(picc.uid, link), counter=picc.counter)

    def _of_code(self, text: str, uid_cards: bool) -> Named:
        link = text.lower()  # codes in capitals are smaller in print
        token = token_of(link) if self._is_ours(link) else None
        if token is not None:
            return Named(Card("qr", card_digest(self._key, token).hex()))
        uid = _typed_uid(text)
        if uid is not None:
            return self._of_uid(uid, uid_cards)
        return Named(Card("qr", card_digest(self._key, _CODE + text.encode()).hex()), "unknown")

    def _of_uid(self, uid: bytes, uid_cards: bool) -> Named:
        is_known_by_it = uid_cards and not is_random_uid(uid)
        return Named(self._by_uid(uid), None if is_known_by_it else "unknown")

    def _secure(self, uid: bytes, link: tuple[str, str]) -> Card:
        e, c = link
        return Card("sun", sun_digest(self._key, identity(uid)).hex(), e, c)

    def _by_uid(self, uid: bytes) -> Card:
        return Card("uid", card_digest(self._key, identity(uid)).hex())

    def _is_ours(self, uri: str) -> bool:
        return uri.lower().startswith(self._prefix)


def _typed_uid(text: str) -> bytes | None:
    """The UID that a reader typed like a keyboard: in hex, or four bytes as ten decimal digits."""
    if _UID_IN_DECIMAL.fullmatch(text):
        number = int(text)
        return number.to_bytes(4, "big") if number < 2**32 else None
    if _UID_IN_HEX.fullmatch(text) and len(text) // 2 in _UID_LENGTHS:
        return bytes.fromhex(text)
    return None
