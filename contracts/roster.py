"""Who the digests are: the list a gate answers from when there is no network.

It holds no token and no full name, so a stolen gate tells little. Same wire rules as
``messages.py``; unlike a batch of taps it is refused whole when one entry is wrong, because a gate
is better served by yesterday's complete list than by today's list with a hole in it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from contracts import fields
from contracts.fields import ContractError
from contracts.messages import DIGEST
from contracts.photos import PUBLIC_KEY

STATES = frozenset({"active", "revoked", "not_today", "staff", "service"})
OF_STAFF = frozenset({"staff", "service"})  # of a service card the gate tests itself
MAX_CARDS = 100_000  # far above the largest school; below what a Pi holds in memory with ease
DISPLAY_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,60}")


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One card: the short name to show, what to answer, and whether to take a photo."""

    name: str
    state: str
    photo: bool = False


@dataclass(frozen=True, slots=True)
class Roster:
    """Every card that a gate should know, by hex digest. ``version`` changes with the content.

    ``uid_cards`` says whether the school takes cards that it knows by their UID alone.
    ``photo_key`` is the public key to which photos are sealed, as hex; None: the school takes none.
    """

    version: str
    cards: Mapping[str, RosterEntry]
    uid_cards: bool = False
    photo_key: str | None = None

    @classmethod
    def from_json(cls, payload: bytes) -> Roster:
        raw = fields.load(payload, _compact)
        version = fields.text(raw, "version", fields.NAME)
        cards: dict[str, RosterEntry] = {}
        for position, item in enumerate(
            fields.a_list(raw.get("cards"), "cards", at_most=MAX_CARDS)
        ):
            try:
                digest, entry = item if isinstance(item, _Card) else _card(item)
            except ContractError as error:
                raise ContractError(f"cards[{position}].{error}") from error
            if digest in cards:
                raise ContractError(f"cards[{position}].digest: appears twice")
            cards[digest] = entry
        uid_cards = fields.truth(raw, "uid_cards") if "uid_cards" in raw else False
        photo_key = fields.optional_text(raw, "photo_key", PUBLIC_KEY)
        return cls(version, cards, uid_cards, photo_key)

    def to_json(self) -> bytes:
        cards = [
            {"digest": digest, "name": entry.name, "state": entry.state, "photo": entry.photo}
            for digest, entry in self.cards.items()
        ]
        header = {
            "version": self.version,
            "uid_cards": self.uid_cards or None,
            "photo_key": self.photo_key,
        }
        return fields.dump(header | {"cards": cards})


class _Card(NamedTuple):
    digest: str
    entry: RosterEntry


def _compact(raw: dict[str, Any]) -> _Card | dict[str, Any]:
    """A card at once, so that a gate never holds thousands of them as dictionaries."""
    if "digest" not in raw:
        return raw
    try:
        return _card(raw)
    except ContractError:  # whoever knows its place in the list says what is wrong with it
        return raw


def _card(raw: Any) -> _Card:
    card = fields.an_object(raw, "card")
    digest = fields.text(card, "digest", DIGEST)
    name = fields.text(card, "name", DISPLAY_NAME)
    photo = fields.truth(card, "photo") if "photo" in card else False
    state = sys.intern(fields.one_of(card, "state", STATES))  # five strings, not thousands
    return _Card(digest, RosterEntry(name, state, photo))
