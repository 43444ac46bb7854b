"""Which cards lie on a reader, so that a card held there is one sighting, not twenty a second."""

from __future__ import annotations

from contracts.cards import is_random_uid

EMPTY_POLLS = 3  # a chip misses a resting card now and then; three misses in a row it does not
FORGET_AFTER = 2.0  # seconds: two cards in one wallet hide each other from single polls
TORN_AGAIN_AFTER = 1.5  # seconds between two requests to hold the same card still

_ANY_PHONE = b"\x08"


def identity(uid: bytes) -> bytes:
    """What tells cards apart: the UID, or one common value for phones, which change theirs."""
    return _ANY_PHONE if is_random_uid(uid) else uid


class Presence:
    """Fed with every poll of one reader. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._read: dict[bytes, float] = {}  # identity → last seen
        self._torn: dict[bytes, float] = {}  # identity → last reported
        self._empty_polls = 0

    def found_nothing(self) -> None:
        self._empty_polls += 1
        if self._empty_polls >= EMPTY_POLLS:
            self._read.clear()
            self._torn.clear()

    def is_due(self, uid: bytes, now: float) -> bool:
        """Whether the card seen just now has yet to be read."""
        self._empty_polls = 0
        self._read = {key: at for key, at in self._read.items() if now - at < FORGET_AFTER}
        key = identity(uid)
        if key not in self._read:
            return True
        self._read[key] = now
        return False

    def was_read(self, uid: bytes, now: float) -> None:
        self._read[identity(uid)] = now
        self._torn.pop(identity(uid), None)

    def report_torn(self, uid: bytes, now: float) -> bool:
        """Whether to tell of this torn read; not at every poll of a card that is held badly."""
        key = identity(uid)
        if now - self._torn.get(key, -TORN_AGAIN_AFTER) < TORN_AGAIN_AFTER:
            return False
        self._torn[key] = now
        return True
