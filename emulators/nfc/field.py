"""The few centimetres before the antenna: which card is there, and whether the reader looked."""

from __future__ import annotations

import threading

from emulators.nfc.tags import Tag


class Field:
    """Holds at most one card. Shared by the thread of the chip and by whoever moves the cards."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tag: Tag | None = None
        self._empty_polls = 0

    @property
    def tag(self) -> Tag | None:
        return self._tag

    def put(self, tag: Tag) -> None:
        with self._changed:
            self._tag = tag
            self._empty_polls = 0

    def take(self) -> None:
        with self._changed:
            self._tag = None
            self._empty_polls = 0

    def found_empty(self) -> None:
        """The reader looked for any card and there was none."""
        with self._changed:
            if self._tag is None:
                self._empty_polls += 1
                self._changed.notify_all()

    def wait_until_seen_empty(self, polls: int, timeout: float) -> bool:
        """Whether the reader has looked ``polls`` times since the card was taken away.

        Only then is the next card a new arrival for a reader that tells cards apart by absence.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._empty_polls >= polls, timeout)
