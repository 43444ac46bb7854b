"""Values and doubles for tests of single parts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from contracts.messages import Card, TapRead
from edge_agent.clock import Moment
from edge_agent.feedback import Outcome
from edge_agent.readers import ReaderUnavailable, Sighting

MORNING = datetime(2026, 3, 4, 10, 50, tzinfo=UTC)


def a_draft(number: int = 1, *, verdict: str = "accepted", at: datetime = MORNING) -> TapRead:
    """A tap that no outbox has numbered yet."""
    return TapRead(
        seq=0,
        at=at,
        clock="synced",
        boot="boot-1",
        up_ms=number * 1000,
        reader="entrada",
        card=Card("token", f"{number:032x}"),
        verdict=verdict,
    )


class SetClock:
    """A clock that stands still until told otherwise."""

    def __init__(self, at: datetime = MORNING, clock: str = "synced") -> None:
        self.up_ms = 1_000_000
        self.clock = clock
        self.boot = "boot-1"
        self._zero = at - timedelta(milliseconds=self.up_ms)

    def __call__(self) -> Moment:
        at = self._zero + timedelta(milliseconds=self.up_ms)
        return Moment(at, self.clock, self.boot, self.up_ms)

    def set(self, at: datetime, clock: str = "synced") -> None:
        """The wall clock is put to ``at``; the one from boot goes on."""
        self._zero = at - timedelta(milliseconds=self.up_ms)
        self.clock = clock

    def forward(self, seconds: float) -> None:
        self.up_ms += round(seconds * 1000)


class RecordingFeedback:
    """Keeps what was shown."""

    def __init__(self) -> None:
        self.shown: list[Outcome] = []

    def show(self, outcome: Outcome) -> None:
        self.shown.append(outcome)


class ScriptedReader:
    """Plays a script of polls: a sighting, nothing, or the loss of the device; then stays dark.

    ``absent`` says how many times opening fails first.
    """

    def __init__(
        self, script: Sequence[Sighting | ReaderUnavailable | None], *, absent: int = 0
    ) -> None:
        self._script = list(script)
        self._absent = absent
        self.opened = 0
        self.closed = 0
        self.played = threading.Event()

    def open(self) -> None:
        if self._absent:
            self._absent -= 1
            raise ReaderUnavailable("not plugged in")
        self.opened += 1

    def poll(self) -> Sighting | None:
        if not self._script:
            self.played.set()
            return None
        step = self._script.pop(0)
        if isinstance(step, ReaderUnavailable):
            raise step
        return step

    def close(self) -> None:
        self.closed += 1
