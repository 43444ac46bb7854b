"""Taps of an unsynced clock get their time when the clock is set; the file keeps what was said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.messages import Anchor
from edge_agent.anchors import BOOTS_KEPT, Anchors
from tests.edge.values import MORNING, SetClock

WRONG = datetime(2020, 1, 1, tzinfo=UTC)


def looking(folder: Path, clock: SetClock) -> tuple[Anchors, list[Anchor]]:
    told: list[Anchor] = []
    return Anchors(folder / "anchors.json", clock, told.append), told


def a_wire(clock: SetClock) -> dict[str, Any]:
    now = clock()
    return {"at": now.at.isoformat(), "clock": now.clock, "boot": now.boot, "up_ms": now.up_ms}


def test_a_tap_before_the_first_sync_is_repaired_to_the_millisecond(tmp_path: Path) -> None:
    clock = SetClock(WRONG, "unsynced")
    anchors, told = looking(tmp_path, clock)
    wire = a_wire(clock)
    anchors.look()
    assert anchors.repaired(wire) == wire

    clock.forward(90)
    clock.set(MORNING)
    anchors.look()

    assert len(told) == 1
    assert anchors.repaired(wire) == wire | {
        "at": (MORNING - timedelta(seconds=90)).isoformat(),
        "clock": "repaired",
    }


def test_a_tap_of_a_known_time_stays_as_it_is(tmp_path: Path) -> None:
    clock = SetClock()
    anchors, _ = looking(tmp_path, clock)
    anchors.look()

    assert anchors.repaired(a_wire(clock)) == a_wire(clock)


def test_an_earlier_boot_that_never_heard_the_time_stays_unsynced(tmp_path: Path) -> None:
    clock = SetClock(WRONG, "unsynced")
    wire = a_wire(clock)
    clock.boot = "boot-2"
    clock.set(MORNING)
    anchors, _ = looking(tmp_path, clock)

    anchors.look()

    assert anchors.repaired(wire) == wire


def test_an_earlier_boot_s_anchor_outlives_it(tmp_path: Path) -> None:
    clock = SetClock()
    anchors, _ = looking(tmp_path, clock)
    wire = a_wire(clock) | {"clock": "unsynced"}
    anchors.look()

    clock.boot = "boot-2"
    later, _ = looking(tmp_path, clock)
    later.look()

    assert later.repaired(wire)["clock"] == "repaired"
    assert [anchor.boot for anchor in later.all] == ["boot-1", "boot-2"]


def test_only_the_last_boots_are_kept(tmp_path: Path) -> None:
    clock = SetClock()
    anchors, _ = looking(tmp_path, clock)
    for number in range(BOOTS_KEPT + 3):
        clock.boot = f"boot-{number}"
        anchors.look()

    kept = [anchor.boot for anchor in looking(tmp_path, clock)[0].all]

    assert kept == [f"boot-{number}" for number in range(3, BOOTS_KEPT + 3)]


@pytest.mark.parametrize(
    ("jump", "anchors_told"),
    [
        (timedelta(hours=-1), 2),
        (timedelta(days=365), 2),
        (timedelta(seconds=2), 2),
        (timedelta(milliseconds=200), 1),
    ],
)
def test_a_step_of_the_clock_is_told_and_slewing_is_not(
    tmp_path: Path, jump: timedelta, anchors_told: int
) -> None:
    clock = SetClock()
    anchors, told = looking(tmp_path, clock)
    anchors.look()

    clock.forward(1)
    clock.set(clock().at + jump)
    anchors.look()

    assert len(told) == anchors_told


def test_a_restart_of_the_agent_is_no_step(tmp_path: Path) -> None:
    clock = SetClock()
    looking(tmp_path, clock)[0].look()
    clock.forward(86_400)
    clock.set(clock().at + timedelta(seconds=9))  # slewed over a day

    anchors, told = looking(tmp_path, clock)
    anchors.look()

    assert told == []
    assert len(anchors.all) == 1


@pytest.mark.parametrize("content", ["", "{", "[1]", '["{}"]', '{"a": 1}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "anchors.json").write_text(content)
    anchors, told = looking(tmp_path, SetClock())

    anchors.look()

    assert len(told) == 1
