"""Secure cards of the school, and the keys that they were made with."""

from __future__ import annotations

from contracts.roster import Roster, RosterEntry
from contracts.sun import number_key, sun_digest
from emulators.nfc.ntag424 import Ntag424
from tests.edge.gate import DOMAIN, SITE_KEY, uid

NUMBER_KEY = number_key(SITE_KEY)
MAC_KEY = bytes(range(16, 32))  # one for all cards: a gate does not know them anyway


def secure_card(number: int, counter: int = 0) -> Ntag424:
    return Ntag424(uid(number), DOMAIN, (NUMBER_KEY, MAC_KEY), counter)


def secure_digest(number: int) -> str:
    return sun_digest(SITE_KEY, uid(number)).hex()


def secure_roster(version: str = "s1", *, students: int = 9, state: str = "active") -> Roster:
    """Everybody has a secure card."""
    entries = {
        secure_digest(number): RosterEntry(f"Student {number}", state)
        for number in range(1, students + 1)
    }
    return Roster(version, entries)
