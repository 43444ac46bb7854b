"""The fault table of docs/gate.md: readers and cards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from emulators.nfc.pn532 import Pn532
from emulators.nfc.tags import Tag, Torn, Withdrawn
from tests.edge.central import Central
from tests.edge.faults import patterns
from tests.edge.gate import PATIENCE, Gate, card, digest

LOST = "reader entrada: not available"


class Watched(Torn):
    """A card that tells when its reading has begun."""

    def __init__(self, card: Tag) -> None:
        super().__init__(card, answers=1000)
        self.reading = threading.Event()

    def command(self, frame: bytes) -> bytes | None:
        self.reading.set()
        return super().command(frame)


class Silencing(Torn):
    """A card at the first command of which the reader goes dead."""

    def __init__(self, card: Tag, reader: Pn532) -> None:
        super().__init__(card, answers=1000)
        self._reader = reader

    def command(self, frame: bytes) -> bytes | None:
        self._reader.silence()
        return super().command(frame)


@pytest.fixture
def second(gate: Gate, mosquitto: Mosquitto, short_folder: Path) -> Iterator[Pn532]:
    """The same gate's other reader."""
    path = short_folder / "reader-2"
    extra = f'[[readers]]\nname = "salida"\ndriver = "nfcpy"\npath = "{path}"\n'
    gate.write_config(mosquitto.port, extra)
    with Pn532(path) as plugged:
        yield plugged


@contextmanager
def lost(gate: Gate) -> Iterator[None]:
    """What is done inside takes the reader from the agent; a busy machine may have done so too."""
    before = gate.logged().count(LOST)
    yield
    assert wait_until(lambda: gate.logged().count(LOST) > before, PATIENCE)


def test_a_reader_unplugged_in_the_middle_of_a_read(
    gate: Gate, second: Pn532, central: Central
) -> None:
    gate.start()
    patterns(gate, (1,))
    cut_off = Watched(card(2))
    gate.reader.put(cut_off)
    assert cut_off.reading.wait(PATIENCE)
    with lost(gate):
        gate.reader.unplug()

    second.put(card(3))  # the other reader goes on meanwhile
    told = [gate.answers.next()]
    while told[-1]["name"] != "Student 3":  # the card in the middle may just have been read
        told.append(gate.answers.next())
    assert told[-1]["pattern"] == "accept"

    gate.reader.take()
    gate.reader.plug()
    assert gate.tap(card(4))["pattern"] == "accept"
    assert gate.exit_status() is None
    assert {digest(1), digest(3), digest(4)} <= digests(gate)
    gate.kill()
    gate.start()
    central.wait_for(lambda: central.healths)


def test_a_reader_that_goes_silent(gate: Gate, central: Central) -> None:
    gate.start()
    patterns(gate, (1,))
    with lost(gate):
        gate.reader.put(Silencing(card(2), gate.reader))
    answer = central.order("selftest")
    checks = {check["part"]: check["ok"] for check in answer.result["checks"]}
    assert checks["reader entrada"] is False
    assert checks["broker"] is True

    gate.reader.take()
    gate.reader.plug()
    assert gate.tap(card(3))["pattern"] == "accept"
    assert list(gate.stored()) == [1, 2]
    assert gate.exit_status() is None


@pytest.mark.parametrize("commands", range(7))
def test_a_card_taken_away_after_some_commands(gate: Gate, commands: int) -> None:
    gate.start()
    gate.take_away()
    gate.reader.put(Withdrawn(card(1), commands))
    for_the_child = gate.answers.next(2.0) if commands else None

    gate.reader.put(card(1))
    again = gate.answers.next()

    assert for_the_child is None or for_the_child["pattern"] in ("hold", "accept")
    assert (again["pattern"], again["name"]) == ("accept", "Student 1")
    accepted = [row for row in gate.stored().values() if row["verdict"] == "accepted"]
    assert [row["card"]["digest"] for row in accepted] == [digest(1)]  # never the UID's


def digests(gate: Gate) -> set[str]:
    return {row["card"]["digest"] for row in gate.stored().values()}
