"""The figures of a device."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

from contracts.messages import Health
from edge_agent.health import Vitals
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
