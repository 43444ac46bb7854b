"""Lights and buzzer: what each answer does on the pins, and that a broken lamp costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin

from devkit.waiting import wait_until
from edge_agent.answer_settings import LightsSettings
from edge_agent.feedback import Outcome, base
from edge_agent.feedback.lights import GpioPins, NoLights, make
from edge_agent.feedback.patterns import DARK, HIGH, LOW, MIDDLE, PATTERNS, SILENT, Step
from edge_agent.feedback.player import Player
from tests.edge.gate import PATIENCE
from tests.edge.values import MORNING

PINS = LightsSettings(green_pin=17, red_pin=27, buzzer_pin=22, buzzer="active")


class RecordingPins:
    """Remembers what was set; ``dark`` tells when a pattern ended."""

    def __init__(self) -> None:
        self.seen: list[Step] = []
        self.dark = threading.Event()

    def set(self, step: Step) -> None:
        self.seen.append(step)
        if step == DARK:
            self.dark.set()


class BrokenPins:
    def set(self, step: Step) -> None:
        raise RuntimeError(f"no pin for {step}")


@pytest.fixture
def board() -> Iterator[MockFactory]:
    """A Pi's pins, in memory."""
    before, Device.pin_factory = Device.pin_factory, MockFactory(pin_class=MockPWMPin)
    yield Device.pin_factory
    Device.pin_factory.close()
    Device.pin_factory = before


def outcome(pattern: str) -> Outcome:
    return Outcome(pattern, None, "accepted", 1, MORNING)


def tones(pattern: str) -> list[int]:
    return [step.hertz for step in PATTERNS[pattern] if step.hertz]


def test_every_answer_has_a_pattern_and_no_two_the_same() -> None:
    assert set(PATTERNS) == set(base.PATTERNS)
    assert len({tuple(steps) for steps in PATTERNS.values()}) == len(PATTERNS)


def test_yes_is_one_high_beep_and_the_others_are_told_apart_by_ear() -> None:
    assert tones(base.ACCEPT) == [HIGH]
    assert tones(base.REJECT) == [LOW] * 3
    assert tones(base.HOLD) == [MIDDLE] * 2
    beep = next(step for step in PATTERNS[base.ACCEPT] if step.hertz)
    assert 0.08 <= beep.seconds <= 0.1


def test_no_answer_shines_so_long_that_the_next_child_waits() -> None:
    for pattern in (base.ACCEPT, base.REJECT, base.HOLD, base.NOT_STORED):
        assert sum(step.seconds for step in PATTERNS[pattern]) <= 2.3


def test_the_first_step_is_on_when_show_returns_and_the_last_is_followed_by_darkness() -> None:
    pins = RecordingPins()
    player = Player(pins)

    player.show(outcome(base.ACCEPT))
    first = list(pins.seen)
    assert pins.dark.wait(PATIENCE)

    assert first == [PATTERNS[base.ACCEPT][0]]
    assert pins.seen == [*PATTERNS[base.ACCEPT], DARK]


def test_a_new_answer_cuts_the_one_before_short() -> None:
    pins = RecordingPins()
    player = Player(pins)

    player.show(outcome(base.TESTING))  # would go on for a quarter of a minute
    player.show(outcome(base.ACCEPT))
    assert pins.dark.wait(PATIENCE)

    assert pins.seen == [PATTERNS[base.TESTING][0], *PATTERNS[base.ACCEPT], DARK]


def test_lights_that_break_are_said_once_and_cost_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    player = Player(BrokenPins())

    for _ in range(5):
        player.show(outcome(base.HOLD))

    assert [record.message for record in caplog.records] == ["the lights do not answer"]


def test_an_active_buzzer_and_the_leds_follow_the_pins(board: MockFactory) -> None:
    pins = GpioPins(PINS)

    pins.set(Step(True, False, HIGH, 0.1))
    shining = [board.pin(number).state for number in (17, 27, 22)]
    pins.set(Step(False, True, SILENT, 0.1))

    assert shining == [1, 0, 1]
    assert [board.pin(number).state for number in (17, 27, 22)] == [0, 1, 0]


def test_a_passive_buzzer_is_given_its_tone(board: MockFactory) -> None:
    pins = GpioPins(LightsSettings(17, 27, 22, "passive"))

    pins.set(Step(True, False, LOW, 0.1))
    buzzer = board.pin(22)

    assert (buzzer.frequency, buzzer.state) == (LOW, 0.5)
    pins.set(DARK)
    assert buzzer.state == 0


def test_the_lights_of_a_gate_answer(board: MockFactory) -> None:
    lights = make(PINS)

    lights.show(outcome(base.REJECT))

    assert board.pin(27).state == 1
    lights.show(outcome(base.ACCEPT))
    assert wait_until(lambda: board.pin(17).state == 0, PATIENCE)


def test_a_machine_without_pins_goes_on_without_lights(caplog: pytest.LogCaptureFixture) -> None:
    before, Device.pin_factory = Device.pin_factory, MockFactory()
    try:
        lights = make(LightsSettings(17, 17, 22, "active"))  # one pin, asked for twice
    finally:
        Device.pin_factory.close()
        Device.pin_factory = before

    lights.show(outcome(base.ACCEPT))

    assert isinstance(lights, NoLights)
    assert "no lights: GPIOPinInUse" in caplog.text
