"""Passes the tokens of staff cards on to the evacuation page, beside the tap path."""

from __future__ import annotations

from collections.abc import Callable

from contracts.cards import card_digest, token_of
from edge_agent.readers.base import CardRead, Sighting
from edge_agent.roster import RosterFile

Take = Callable[[str, Sighting], None]


class StaffTaps:
    """Stands before ``take``, which gets every sighting first: children do not wait for this."""

    def __init__(
        self,
        take: Take,
        roster: RosterFile,
        site_key: bytes,
        card_tapped: Callable[[bytes], None],
    ) -> None:
        self._take = take
        self._roster = roster
        self._site_key = site_key
        self._card_tapped = card_tapped

    def take(self, reader: str, sighting: Sighting) -> None:
        self._take(reader, sighting)
        token = token_of(sighting.uri or "") if isinstance(sighting, CardRead) else None
        if token is None:
            return
        entry = self._roster.find(card_digest(self._site_key, token).hex())
        if entry is not None and entry.state == "staff":
            self._card_tapped(token)
