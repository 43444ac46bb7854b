"""From the keys that a scanner presses to the line that it types (linux/input-event-codes.h).

A scanner pretends to be a keyboard of some country; what comes here are positions of keys, so it
must be known of which. Layouts differ where a link has its punctuation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ENTER: Final = frozenset({28, 96, 15})  # Enter, that of the numbers, and Tab: a scanner's endings
SHIFT: Final = frozenset({42, 54})
LONGEST_LINE: Final = 200  # characters; more is no code of ours, and somebody leans on the keys
FORGET_AFTER: Final = 1.0  # seconds: a scanner types a whole code in a tenth of that

_ROWS = ((2, "1234567890"), (16, "qwertyuiop"), (30, "asdfghjkl"), (44, "zxcvbnm"), (57, " "))
_NUMBERS = {71: "7", 72: "8", 73: "9", 75: "4", 76: "5", 77: "6", 79: "1", 80: "2", 81: "3"}
_NUMBERS |= {82: "0", 74: "-", 83: "."}
_LETTERS = {code + at: key for code, keys in _ROWS for at, key in enumerate(keys)}
_COMMON = _LETTERS | _NUMBERS

_US = {12: "-_", 13: "=+", 26: "[{", 27: "]}", 39: ";:", 40: "'\"", 41: "`~", 43: "\\|"}
_US |= {51: ",<", 52: ".>", 53: "/?"}
_ES = {12: "'?", 26: "`^", 27: "+*", 51: ",;", 52: ".:", 53: "-_", 86: "<>"}

# name → (what keys give alone, what they give with Shift)
LAYOUTS: Final[Mapping[str, tuple[Mapping[int, str], Mapping[int, str]]]] = {
    name: (
        _COMMON | {code: pair[0] for code, pair in signs.items()},
        {code: key.upper() for code, key in _COMMON.items()}
        | {2 + at: sign for at, sign in enumerate(numbers)}
        | {code: pair[1] for code, pair in signs.items()},
    )
    for name, signs, numbers in (("us", _US, "!@#$%^&*()"), ("es", _ES, '!"#$%&/()='))
}


class Line:
    """Fed with every key of one scanner. Times are monotonic seconds."""

    def __init__(self, layout: str) -> None:
        self._plain, self._shifted = LAYOUTS[layout]
        self._held: set[int] = set()
        self._typed = ""
        self._spoilt = False
        self._last_at = 0.0

    def press(self, code: int, now: float) -> str | None:
        """The whole line, when this key ends it and nothing in it was lost."""
        if now - self._last_at > FORGET_AFTER:
            self._typed, self._spoilt = "", False  # the rest of a code that was broken off
        self._last_at = now
        if code in SHIFT:
            self._held.add(code)
        elif code in ENTER:
            return self._ended()
        else:
            self._typed += (self._shifted if self._held else self._plain).get(code, "")
            self._spoilt = self._spoilt or len(self._typed) > LONGEST_LINE
            self._typed = self._typed[:LONGEST_LINE]
        return None

    def release(self, code: int) -> None:
        self._held.discard(code)

    def lost(self) -> None:
        """Keys were dropped on the way here: what is being typed is of no use."""
        self._spoilt = True
        self._held.clear()

    def _ended(self) -> str | None:
        typed, spoilt = self._typed, self._spoilt
        self._typed, self._spoilt = "", False
        return None if spoilt or not typed else typed
