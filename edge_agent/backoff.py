"""How long to wait before trying again."""

from __future__ import annotations

import random


class Backoff:
    """Waits that double from ``first`` up to ``most`` seconds, each shortened at random.

    The randomness matters: after an outage a whole city's gates would otherwise return at once.
    """

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._next = first

    def wait(self) -> float:
        """Seconds until the next try: between half and all of the current step."""
        step, self._next = self._next, min(self._next * 2, self._most)
        return step * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, protects nothing

    def reset(self) -> None:
        """It worked: the next wait is the first one again."""
        self._next = self._first
