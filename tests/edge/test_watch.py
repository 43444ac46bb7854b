"""A reader that comes and goes; one that fails must not take the gate with it."""

from __future__ import annotations

import threading

import pytest

from edge_agent.readers import CardRead, ReaderUnavailable, Sighting, TornRead
from edge_agent.readers.watch import Watch
from tests.edge.gate import PATIENCE, uid
from tests.edge.values import ScriptedReader

READ = CardRead(uid(1), None)


def watched(reader: ScriptedReader) -> tuple[Watch, list[tuple[str, Sighting]]]:
    """Runs until the script is played."""
    seen: list[tuple[str, Sighting]] = []
    watch = Watch("entrada", reader, lambda name, sighting: seen.append((name, sighting)))
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    assert reader.played.wait(PATIENCE)
    stop.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    return watch, seen


def test_sightings_are_passed_on_with_the_readers_name() -> None:
    reader = ScriptedReader([None, READ, None, TornRead(uid(2))])

    watch, seen = watched(reader)

    assert seen == [("entrada", READ), ("entrada", TornRead(uid(2)))]
    assert watch.resets == 0
    assert (reader.opened, reader.closed) == (1, 1)


def test_a_reader_that_is_lost_is_opened_again_and_the_loss_counted() -> None:
    reader = ScriptedReader([READ, ReaderUnavailable("gone"), READ])

    watch, seen = watched(reader)

    assert len(seen) == 2
    assert watch.resets == 1
    assert (reader.opened, reader.closed) == (2, 2)


def test_a_reader_that_is_missing_at_first_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    reader = ScriptedReader([READ], absent=2)

    watch, seen = watched(reader)

    assert len(seen) == 1
    assert watch.resets == 2
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["reader entrada: not available (not plugged in); trying again until it is"]
    assert "reader entrada: ready" in caplog.text
