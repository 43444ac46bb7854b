"""What a card says about who holds it."""

from __future__ import annotations

from contracts.cards import card_digest, token_of
from contracts.messages import Card
from edge_agent.readers.base import CardRead, Sighting
from edge_agent.readers.presence import identity


class CardNames:
    """Turns what a reader saw into the digest by which one school knows a card."""

    def __init__(self, site_key: bytes, token_domain: str) -> None:
        self._key = site_key
        self._prefix = f"https://{token_domain}/"

    def card(self, sighting: Sighting) -> Card:
        """By its token when it was read to the end and holds one of our domain, else by its UID.

        The card of a torn read goes by its UID as a trace only: the caller must not look it up.
        """
        token = self._token(sighting) if isinstance(sighting, CardRead) else None
        if token is not None:
            return Card("token", card_digest(self._key, token).hex())
        return Card("uid", card_digest(self._key, identity(sighting.uid)).hex())

    def _token(self, read: CardRead) -> bytes | None:
        uri = read.uri or ""
        ours = uri.lower().startswith(self._prefix.lower())
        return token_of(uri) if ours else None
