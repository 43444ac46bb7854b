"""A reader that says itself when a card comes and goes, and passes commands on to it."""

from __future__ import annotations

import time
from typing import Protocol

from edge_agent.readers.apdu import CardGone, read_uid, read_uri
from edge_agent.readers.base import CardRead, ReaderUnavailable, Sighting, TornRead
from edge_agent.readers.presence import TORN_AGAIN_AFTER


class Slot(Protocol):
    """One PC/SC reader. Every method may raise ReaderUnavailable."""

    def open(self) -> None: ...

    def arrival(self) -> int | None:
        """Another number for each card that comes; None while there is none."""

    def connect(self) -> bytes:
        """Power the card; its ATR. Raises CardGone."""

    def transmit(self, command: bytes) -> bytes:
        """The card's answer with its two status bytes. Raises CardGone."""

    def disconnect(self) -> None:
        """Let go of the card. Never raises."""

    def close(self) -> None:
        """Never raises."""


class SlotReader:
    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._is_open = False
        self._read: int | None = None  # the arrival that was read to the end
        self._torn_at = -TORN_AGAIN_AFTER

    def open(self) -> None:
        self._slot.open()
        self._is_open = True
        self._read = None

    def poll(self) -> Sighting | None:
        if not self._is_open:
            raise ReaderUnavailable("not open")
        arrival = self._slot.arrival()
        if arrival is None:
            self._torn_at = -TORN_AGAIN_AFTER
            return None
        if arrival == self._read:
            return None
        sighting = self._look()
        if isinstance(sighting, CardRead):
            self._read = arrival
            return sighting
        return sighting if sighting is not None and self._is_due() else None

    def close(self) -> None:
        self._is_open = False
        self._slot.close()

    def _look(self) -> CardRead | TornRead | None:
        """None: it was gone before it was known which."""
        uid = None
        try:
            atr = self._slot.connect()
            uid = read_uid(self._slot.transmit)
            return CardRead(uid, read_uri(self._slot.transmit, atr))
        except CardGone:
            return None if uid is None else TornRead(uid)
        finally:
            self._slot.disconnect()

    def _is_due(self) -> bool:
        """Whether to ask again to hold the card, not at every poll."""
        now = time.monotonic()
        if now - self._torn_at < TORN_AGAIN_AFTER:
            return False
        self._torn_at = now
        return True
