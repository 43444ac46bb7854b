"""What every card reader offers to the agent, whatever its hardware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class ReaderUnavailable(Exception):
    """The device is not there, or no longer; opening it again later may help."""


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card that was read to the end. ``uri`` is None if it holds none: a blank, a bank card."""

    uid: bytes
    uri: str | None


@dataclass(frozen=True, slots=True)
class TornRead:
    """A card that went silent before it was read to the end: it may hold a token or not.

    To nfcpy this looks exactly like a blank card. Its UID must never stand in for the token.
    """

    uid: bytes


@dataclass(frozen=True, slots=True)
class CodeRead:
    """A printed code, or whatever else a reader types like a keyboard: one line of it."""

    text: str


Sighting = CardRead | TornRead | CodeRead


class Reader(Protocol):
    """One reader. Used by a single thread: ``open``, then ``poll`` again and again."""

    def open(self) -> None:
        """Make the device ready. Raises ReaderUnavailable."""

    def poll(self) -> Sighting | None:
        """The card that has just come, or None; returns within some 150 ms.

        A card that stays is reported once. A torn read is reported again every second or two while
        the card stays, until it is read. Raises ReaderUnavailable.
        """

    def close(self) -> None:
        """Let go of the device. Does nothing if it is not open, and never raises."""
