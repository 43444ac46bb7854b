"""What a mark means, which one counts, and how an evacuation stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

KINDS: Final = ("drill", "real")
UNMARKED: Final = "unmarked"
STATES: Final = ("safe", "missing", UNMARKED)

# A phone may have been without network for a whole evacuation, but not for longer than one.
OLDEST_MARK: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many students of a list are what. ``unmarked`` are those nobody has said anything of."""

    safe: int = 0
    missing: int = 0
    unmarked: int = 0

    @property
    def total(self) -> int:
        return self.safe + self.missing + self.unmarked

    @property
    def accounted(self) -> bool:
        """Whether everybody is known to be safe."""
        return self.total > 0 and self.safe == self.total


def counts_of(states: Iterable[str]) -> Counts:
    found = dict.fromkeys(STATES, 0)
    for state in states:
        found[state] += 1
    return Counts(**found)


def made_at(age: timedelta, started_at: datetime, now: datetime) -> datetime:
    """When a mark was made that a phone sent ``age`` after making it.

    Never before the evacuation began and never in the future, whatever a phone claims.
    """
    at = now - min(max(age, timedelta(0)), OLDEST_MARK)
    return min(max(at, started_at), now)


def may_still_mark(at: datetime, ended_at: datetime | None) -> bool:
    """Whether a mark made at ``at`` belongs to the evacuation; one that arrives late still does."""
    return ended_at is None or at <= ended_at
