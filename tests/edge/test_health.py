"""The figures of a device."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.messages import Health
from edge_agent.health import MOST_TAPS, Vitals, outbox_alarms, photos_have_room
from edge_agent.outbox import Outbox
from edge_agent.readers.watch import Watch
from edge_agent.roster import RosterFile
from tests.edge.gate import roster
from tests.edge.values import MORNING, ScriptedReader, SetClock, a_draft


def vitals(folder: Path, outbox: Outbox, resets: tuple[int, ...] = ()) -> Health:
    (folder / "roster.json").write_bytes(roster("r7").to_json())
    file = RosterFile(folder / "roster.json", folder / "last-good.json")
    file.load()
    watches = [Watch("r", ScriptedReader([]), lambda *_: None) for _ in resets]
    for watch, count in zip(watches, resets, strict=True):
        watch.resets = count
    return Vitals(folder, outbox, file, watches, SetClock()).take()


def test_an_idle_gate_has_nothing_to_send(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "outbox.db")) as outbox:
        health = vitals(tmp_path, outbox)

    assert (health.queue_depth, health.oldest_unsent_s) == (0, 0)
    assert (health.clock, health.roster_version) == ("synced", "r7")
    assert health.disk_free_mb > 0


def test_a_gate_without_a_network_says_how_much_waits_and_since_when(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "outbox.db")) as outbox:
        outbox.put(a_draft(1, at=MORNING - timedelta(minutes=2)))
        outbox.put(a_draft(2, at=MORNING - timedelta(minutes=1)))

        health = vitals(tmp_path, outbox)

    assert (health.queue_depth, health.oldest_unsent_s) == (2, 120)


def test_a_tap_from_the_future_is_not_of_a_negative_age(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "outbox.db")) as outbox:
        outbox.put(a_draft(1, at=MORNING + timedelta(days=1)))

        assert vitals(tmp_path, outbox).oldest_unsent_s == 0


def test_resets_of_all_readers_are_added_up(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "outbox.db")) as outbox:
        assert vitals(tmp_path, outbox, resets=(2, 3)).reader_resets == 5


def test_what_is_taken_can_be_sent(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "outbox.db")) as outbox:
        health = vitals(tmp_path, outbox)

    assert Health.from_json(health.to_json()) == health


@pytest.mark.parametrize(
    ("depth", "oldest_days", "alarms"),
    [
        (39_999, 23, []),
        (40_000, 0, ["outbox_filling"]),
        (0, 24, ["outbox_filling"]),
        (50_000, 0, ["outbox_full"]),
        (1, 30, ["outbox_full"]),
    ],
)
def test_an_outbox_says_in_time_that_it_fills(
    depth: int, oldest_days: int, alarms: list[str]
) -> None:
    assert outbox_alarms(depth, oldest_days * 86_400) == alarms


def test_photos_give_way_long_before_taps_do() -> None:
    assert photos_have_room(24_999, 500)
    assert not photos_have_room(25_000, 500)
    assert not photos_have_room(0, 499)


def test_an_outbox_beyond_its_limit_still_takes_taps(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "outbox.db")) as outbox:
        with closing(sqlite3.connect(tmp_path / "outbox.db")) as database, database:
            database.executemany(
                "INSERT INTO outbox (tap) VALUES (?)", [('{"at": 1}',)] * MOST_TAPS
            )

        assert outbox.put(a_draft(1)) == MOST_TAPS + 1
        assert "outbox_full" in vitals(tmp_path, outbox).alarms


def test_a_gate_without_a_roster_or_the_time_says_so(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "outbox.db")) as outbox:
        file = RosterFile(tmp_path / "none.json", tmp_path / "none-either.json")
        health = Vitals(tmp_path, outbox, file, [], SetClock(clock="unsynced")).take()

    assert (health.roster_version, health.roster_age_s) == (None, None)
    assert set(health.alarms) >= {"no_roster", "clock_unsynced"}


def test_a_roster_that_nobody_confirms_grows_stale(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "outbox.db")) as outbox:
        (tmp_path / "roster.json").write_bytes(roster("r7").to_json())
        three_days_ago = time.time() - 3 * 86_400
        os.utime(tmp_path / "roster.json", (three_days_ago, three_days_ago))
        file = RosterFile(tmp_path / "roster.json", tmp_path / "last-good.json")
        file.load()
        stale = Vitals(tmp_path, outbox, file, [], SetClock()).take()
        file.confirm()
        fresh = Vitals(tmp_path, outbox, file, [], SetClock()).take()

    assert "roster_stale" in stale.alarms
    assert "roster_stale" not in fresh.alarms


def test_without_the_time_the_age_of_what_waits_is_counted_from_boot(tmp_path: Path) -> None:
    clock = SetClock(datetime(2020, 1, 1, tzinfo=UTC), "unsynced")
    with closing(Outbox.open(tmp_path / "outbox.db")) as outbox:
        outbox.put(a_draft(400))  # 400 s after boot; it is 1000 s now
        file = RosterFile(tmp_path / "none.json", tmp_path / "none-either.json")

        assert Vitals(tmp_path, outbox, file, [], clock).take().oldest_unsent_s == 600
