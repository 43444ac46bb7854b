"""Keeps one reader open, through unplugging and faults, and passes on what it sees."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from edge_agent.backoff import Backoff
from edge_agent.readers.base import Reader, ReaderUnavailable, Sighting

log = logging.getLogger(__name__)

# Seconds between two looks at an empty field. Longer delays the answer to the child, shorter
# keeps a slow Pi busy: an empty look at 115,200 baud already takes 10 ms.
POLL_EVERY = 0.04
STEADY_AFTER = 2.0  # seconds: one that fails sooner after each opening is not well
# Failures in a row before the reader is reset, and between two resets: opening it again heals
# most, and a reader that is not plugged in at all is not to be shaken for a whole holiday.
RESET_AFTER, RESET_AGAIN_AFTER = 3, 30


def _no_reset() -> str | None:
    return None


class Watch:
    """One reader's life. A missing reader never ends it: the other readers go on meanwhile.

    ``reset`` does what can be done besides opening the reader again, and says what that was.
    """

    def __init__(
        self,
        name: str,
        reader: Reader,
        on_sighting: Callable[[str, Sighting], None],
        reset: Callable[[], str | None] = _no_reset,
        *,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.resets = 0  # how often the reader was lost, or could not be opened
        self.beat_at = time.monotonic()  # when the loop last came round, with a reader or without
        self._ready = threading.Event()
        self._reader = reader
        self._on_sighting = on_sighting
        self._reset = reset
        self._failures = 0  # since the reader last worked for a while
        self._backoff = backoff or Backoff(first=0.5, most=10.0)
        self._said: str | None = None

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    def wait_until_ready(self, seconds: float) -> bool:
        """Whether it is, at the latest after ``seconds``."""
        return self._ready.wait(seconds)

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set."""
        while not stop.is_set():
            self.beat_at = time.monotonic()
            try:
                self._use(stop)
            except ReaderUnavailable as error:
                self.resets += 1
                self._failures += 1
                self._say(f"not available ({error}); trying again until it is")
                stop.wait(self._backoff.wait())
                self._heal()

    def _use(self, stop: threading.Event) -> None:
        """From opening the reader to its loss. Raises ReaderUnavailable."""
        try:
            self._reader.open()
            self._ready.set()
            self._say("ready")
            self._poll(stop)
        finally:
            self._ready.clear()  # also while we wait for the next try
            self._reader.close()

    def _poll(self, stop: threading.Event) -> None:
        opened_at = time.monotonic()
        while not stop.is_set():
            self.beat_at = time.monotonic()
            sighting = self._reader.poll()
            if sighting is not None:
                self._on_sighting(self.name, sighting)
            if self._failures and time.monotonic() - opened_at >= STEADY_AFTER:
                self._failures = 0
                self._backoff.reset()
            stop.wait(POLL_EVERY)

    def _heal(self) -> None:
        if self._failures % RESET_AGAIN_AFTER == RESET_AFTER:
            done = self._reset()
            if done is not None:
                log.warning("reader %s: %s, after %d failures", self.name, done, self._failures)

    def _say(self, state: str) -> None:
        """Log a change of state, once: a gate may be without its reader for a whole holiday."""
        if state != self._said:
            self._said = state
            log.log(
                logging.INFO if state == "ready" else logging.WARNING,
                "reader %s: %s",
                self.name,
                state,
            )
