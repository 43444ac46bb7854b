"""A reader that comes and goes; one that fails must not take the gate with it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from edge_agent.backoff import Backoff
from edge_agent.readers import CardRead, ReaderUnavailable, Sighting, TornRead
from edge_agent.readers.watch import RESET_AFTER, RESET_AGAIN_AFTER, Watch
from tests.edge.gate import PATIENCE, uid
from tests.edge.values import ScriptedReader

READ = CardRead(uid(1), None)


class Impatient(Backoff):
    """Waits next to nothing, and counts how often it was told that all is well."""

    def __init__(self) -> None:
        super().__init__(first=0.001, most=0.001)
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1


def watched(
    reader: ScriptedReader,
    reset: Callable[[], str | None] = lambda: None,
    backoff: Backoff | None = None,
) -> tuple[Watch, list[tuple[str, Sighting]]]:
    """Runs until the script is played."""
    seen: list[tuple[str, Sighting]] = []
    watch = Watch(
        "entrada",
        reader,
        lambda name, sighting: seen.append((name, sighting)),
        reset,
        backoff=backoff or Impatient(),
    )
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


def failing(times: int) -> list[Sighting | ReaderUnavailable | None]:
    """Polls that fail, each right after the reader was opened; then one that works."""
    return [*(ReaderUnavailable("flaps") for _ in range(times)), READ]


class Reset:
    """Counts how often a reader was reset, and what it had been through by then."""

    def __init__(self, reader: ScriptedReader) -> None:
        self._reader = reader
        self.after_openings: list[int] = []

    def __call__(self) -> str:
        self.after_openings.append(self._reader.opened)
        return "usb reset"


def test_a_reader_that_does_not_come_back_is_reset_before_it_is_opened_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = ScriptedReader(failing(RESET_AFTER))
    reset = Reset(reader)

    watch, seen = watched(reader, reset)

    assert reset.after_openings == [RESET_AFTER]
    assert seen == [("entrada", READ)]
    assert watch.resets == RESET_AFTER
    assert f"reader entrada: usb reset, after {RESET_AFTER} failures" in caplog.text


def test_a_reader_that_stays_away_is_reset_now_and_then_only() -> None:
    reader = ScriptedReader(failing(RESET_AGAIN_AFTER + RESET_AFTER))
    reset = Reset(reader)

    watched(reader, reset)

    assert reset.after_openings == [RESET_AFTER, RESET_AGAIN_AFTER + RESET_AFTER]


def test_a_reader_that_fails_at_once_each_time_is_not_opened_in_a_loop() -> None:
    backoff = Impatient()

    watched(ScriptedReader(failing(3)), backoff=backoff)

    assert backoff.resets == 0  # that it could be opened does not shorten the next wait
