"""Plays patterns in a thread of its own; a new answer cuts the one before short."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from edge_agent.feedback.base import Outcome
from edge_agent.feedback.patterns import DARK, PATTERNS, Step

log = logging.getLogger(__name__)


class Pins(Protocol):
    """Two LEDs and a buzzer."""

    def set(self, step: Step) -> None:
        """From now on, until told otherwise. May raise whatever its library does."""


class Player:
    """A ``Feedback``. The first step of an answer is on the pins when ``show`` returns."""

    def __init__(self, pins: Pins) -> None:
        self._pins = pins
        self._changed = threading.Condition()
        self._steps: Sequence[Step] = ()
        self._broken = False
        threading.Thread(target=self._play, name="lights", daemon=True).start()

    def show(self, outcome: Outcome) -> None:
        steps = PATTERNS.get(outcome.pattern)
        if steps is None:
            return
        with self._changed:
            self._steps = steps
            self._set(steps[0])
            self._changed.notify()

    def _play(self) -> None:
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._steps)
                steps = self._steps
                if self._goes_through(steps):
                    self._set(DARK)
                    self._steps = ()

    def _goes_through(self, steps: Sequence[Step]) -> bool:
        """Whether nothing else came meanwhile. The first step is on already."""
        for number, step in enumerate(steps):
            if number:
                self._set(step)
            if self._changed.wait_for(lambda: self._steps is not steps, step.seconds):
                return False
        return True

    def _set(self, step: Step) -> None:
        try:
            self._pins.set(step)
            self._broken = False
        except Exception:  # each pin library has errors of its own, and no lamp may cost a tap
            if not self._broken:
                log.exception("the lights do not answer")
            self._broken = True
