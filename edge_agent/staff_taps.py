"""What the cards of the staff do beside counting as taps, after their holder was answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contracts.cards import token_of
from contracts.roster import RosterEntry
from edge_agent.readers.base import CardRead, Sighting


@dataclass(frozen=True)
class StaffTaps:
    """``open_list`` gets the token of a staff card, ``test_gate`` hears of a service card.

    Both run on the reader's thread: they must return at once.
    """

    open_list: Callable[[bytes], None] = lambda _: None
    test_gate: Callable[[], None] = lambda: None

    def tapped(self, entry: RosterEntry, sighting: Sighting) -> None:
        """A card of the roster was answered; most are students' and mean nothing here."""
        if entry.state == "service":
            self.test_gate()
        elif entry.state == "staff" and isinstance(sighting, CardRead):
            token = token_of(sighting.uri or "")
            if token is not None:  # a card without one cannot open the list: there is the PIN
                self.open_list(token)
