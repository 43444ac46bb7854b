"""The fault table of docs/gate.md: a wall clock that is moved under a gate at work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from tests.edge.central import Central
from tests.edge.faults import answers
from tests.edge.gate import PATIENCE, Gate, card

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)
SLACK = timedelta(minutes=2)


def move(gate: Gate, by: timedelta) -> None:
    draft = gate.folder / "clock.new"
    draft.write_text(str(by.total_seconds()))
    draft.replace(gate.folder / "clock")


@pytest.mark.parametrize("by", [-HOUR, YEAR], ids=["back an hour", "forward a year"])
def test_a_clock_that_jumps(
    by: timedelta, gate: Gate, mosquitto: Mosquitto, prompt_central: Central
) -> None:
    gate.program, gate.clock = "tests.edge.moved_clock", "moved"
    gate.write_config(mosquitto.port)
    gate.start()
    answers(gate, (1,))
    prompt_central.wait_for(lambda: len(prompt_central.anchors) == 1)

    move(gate, by)
    prompt_central.wait_for(lambda: len(prompt_central.anchors) == 2)
    told = answers(gate, (1, 2))

    # What a repeat is, and the order of taps, are told by the clock from boot, which did not jump.
    assert [(answer["pattern"], answer["seq"]) for answer in told] == [("accept", 1), ("accept", 2)]
    before, after = (anchor.offset_ms for anchor in prompt_central.anchors)
    assert abs(timedelta(milliseconds=after - before) - by) < SLACK
    prompt_central.wait_for(lambda: len(prompt_central.taps) >= 2)
    first, second = prompt_central.taps[0], prompt_central.taps[-1]
    assert 0 < second.up_ms - first.up_ms < SLACK / timedelta(milliseconds=1)
    assert abs(second.at - first.at - by) < SLACK

    move(gate, timedelta(0))
    prompt_central.wait_for(lambda: len(prompt_central.anchors) == 3)
    answers(gate, (3,))
    prompt_central.wait_for(lambda: {tap.seq for tap in prompt_central.taps} == {1, 2, 3})
    assert abs(prompt_central.taps[-1].at - datetime.now(UTC)) < SLACK
    assert wait_until(lambda: not gate.stored(), PATIENCE)
    assert gate.exit_status() is None
    assert gate.tap(card(4))["seq"] == 4
