"""A service card at a reader: the gate looks at itself and shows what it found."""

from __future__ import annotations

import threading
from typing import Final

from edge_agent.clock import Clock
from edge_agent.feedback import Feedback, Outcome
from edge_agent.feedback.base import TESTED_FAULT, TESTED_WELL, TESTING
from edge_agent.findings import Finding
from edge_agent.selftest import SelfTest

SELFTEST: Final = "selftest"  # in place of a verdict
_SEEN_SECONDS: Final = 1.0  # that it looks; the look itself takes a few thousandths


class ServiceCard:
    """Looks in a thread of its own: the next child does not wait for it."""

    def __init__(self, clock: Clock, feedback: Feedback, selftest: SelfTest) -> None:
        self._clock = clock
        self._feedback = feedback
        self._selftest = selftest
        self._wanted = threading.Event()

    def tapped(self) -> None:
        """A service card was read. Returns at once."""
        self._wanted.set()

    def leave(self) -> None:
        """Let ``run`` look whether it should stop."""
        self._wanted.set()

    def run(self, stop: threading.Event) -> None:
        """Look when a card was tapped, until ``stop`` is set and ``leave`` was called."""
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if stop.is_set():
                return
            self._show(TESTING)
            findings = self._selftest.run()
            if stop.wait(_SEEN_SECONDS):
                return
            well = all(finding.ok for finding in findings)
            self._show(TESTED_WELL if well else TESTED_FAULT, tuple(findings))

    def _show(self, pattern: str, findings: tuple[Finding, ...] = ()) -> None:
        now = self._clock()
        self._feedback.show(
            Outcome(pattern, None, SELFTEST, None, now.at, now.clock, findings=findings)
        )
