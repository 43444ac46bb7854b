"""How the person at the reader is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from edge_agent.findings import Finding

ACCEPT, REJECT, HOLD, NOT_STORED = "accept", "reject", "hold", "not_stored"
IDENTIFY = "identify"  # of no card: somebody far away asks which gate this is
TESTING, TESTED_WELL, TESTED_FAULT = "testing", "tested_well", "tested_fault"  # a service card
PATTERNS = (
    *(ACCEPT, REJECT, HOLD, NOT_STORED, IDENTIFY),
    *(TESTING, TESTED_WELL, TESTED_FAULT),
)

# Any other verdict is a refusal: of the card by the machine, never of the child by the gate.
_PATTERNS: Mapping[str, str] = {"accepted": ACCEPT, "torn": HOLD}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to show for one card. ``seq`` is None when nothing could be stored.

    ``clock`` says how far ``at`` can be trusted, and ``direction`` whether the reader lets one only
    come (``in``) or go (``out``), as in a tap; ``findings`` are a self-test's.
    """

    pattern: str
    name: str | None
    verdict: str
    seq: int | None
    at: datetime
    clock: str = "synced"
    direction: str | None = None
    findings: tuple[Finding, ...] = ()


def pattern_of(verdict: str) -> str:
    return _PATTERNS.get(verdict, REJECT)


class Feedback(Protocol):
    """Lights, sounds and screens. Called only after the tap is on disk, on the reader's thread."""

    def show(self, outcome: Outcome) -> None:
        """Answer now. Returns at once and never raises: a broken lamp must not cost a tap."""
