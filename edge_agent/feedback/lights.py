"""Two LEDs and a buzzer on the Pi's pins.

Device: LEDs with their resistors, and an active buzzer or a passive one (piezo), at 3.3 V.
Supported: every Pi for which gpiozero has a pin library; Raspberry Pi OS brings python3-lgpio.
Remarks: imported only where ``lights`` are configured: gpiozero is 11 MB of memory.
"""

from __future__ import annotations

import logging

from gpiozero import DigitalOutputDevice, GPIOZeroError, PWMOutputDevice

from edge_agent.answer_settings import LightsSettings
from edge_agent.feedback.base import Feedback, Outcome
from edge_agent.feedback.patterns import Step
from edge_agent.feedback.player import Player

log = logging.getLogger(__name__)

_HALF = 0.5  # of each period: the loudest that a passive buzzer gets


class GpioPins:
    def __init__(self, settings: LightsSettings) -> None:
        """Raises GPIOZeroError where there are no such pins."""
        self._green = DigitalOutputDevice(settings.green_pin)
        self._red = DigitalOutputDevice(settings.red_pin)
        self._active: DigitalOutputDevice | None = None
        self._passive: PWMOutputDevice | None = None
        if settings.buzzer == "active":
            self._active = DigitalOutputDevice(settings.buzzer_pin)
        elif settings.buzzer == "passive":
            self._passive = PWMOutputDevice(settings.buzzer_pin)

    def set(self, step: Step) -> None:
        self._green.value = step.green
        self._red.value = step.red
        if self._active is not None:
            self._active.value = step.hertz > 0
        if self._passive is not None:
            if step.hertz:
                self._passive.frequency = step.hertz
            self._passive.value = _HALF if step.hertz else 0.0


class NoLights:
    """In place of lights that cannot be had: a gate with a screen or a beeping reader goes on."""

    def show(self, outcome: Outcome) -> None:
        """Nothing."""


def make(settings: LightsSettings) -> Feedback:
    """The lights, or none of them if this machine has no such pins; then it is said."""
    try:
        return Player(GpioPins(settings))
    except (GPIOZeroError, OSError) as error:
        log.error("no lights: %s: %s", type(error).__name__, error)
        return NoLights()
