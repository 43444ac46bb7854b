"""What two LEDs and a buzzer do for each answer: shape in time, so that colour is never all. Pure.

One high beep is "yes" and short low ones are "wait", which a child knows after the first morning
without looking. An offline gate answers as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_agent.feedback import base

HIGH, MIDDLE, LOW, SILENT = 2700, 1500, 700, 0  # hertz; small buzzers are loudest at the first


@dataclass(frozen=True, slots=True)
class Step:
    """For ``seconds``: which LEDs shine, and the tone; an active buzzer has only its own."""

    green: bool
    red: bool
    hertz: int
    seconds: float


def _beeps(green: bool, red: bool, hertz: int, times: int) -> tuple[Step, ...]:
    on, off = Step(green, red, hertz, 0.09), Step(green, red, SILENT, 0.09)
    return (on, off) * times


def _blinks(green: bool, red: bool, times: int) -> tuple[Step, ...]:
    return (Step(green, red, SILENT, 0.2), Step(False, False, SILENT, 0.2)) * times


PATTERNS: Final[Mapping[str, tuple[Step, ...]]] = {
    base.ACCEPT: (Step(True, False, HIGH, 0.09), Step(True, False, SILENT, 0.91)),
    base.REJECT: (*_beeps(False, True, LOW, 3), Step(False, True, SILENT, 1.46)),
    # both LEDs together are amber to the eye
    base.HOLD: (*_beeps(True, True, MIDDLE, 2), Step(True, True, SILENT, 0.64)),
    base.NOT_STORED: (Step(False, True, LOW, 0.6), *_blinks(False, True, 4)),
    base.IDENTIFY: (Step(True, False, MIDDLE, 0.15), Step(False, True, SILENT, 0.35)),
    base.TESTING: (Step(True, True, SILENT, 15.0),),
    base.TESTED_WELL: (
        Step(True, False, MIDDLE, 0.1),
        Step(True, False, HIGH, 0.2),
        *_blinks(True, False, 5),
    ),
    base.TESTED_FAULT: (Step(False, True, LOW, 0.4), *_blinks(False, True, 8)),
}
DARK: Final = Step(False, False, SILENT, 0.0)
