"""The fault table of docs/gate.md: the disk and the database on it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from devkit.servers import Mosquitto, free_port
from devkit.waiting import wait_until
from tests.edge.central import Central
from tests.edge.faults import answers, patterns
from tests.edge.gate import PASSWORD, PATIENCE, Gate, card

DISK_BYTES = 8_000_000


@pytest.fixture
def small_disk(gate: Gate) -> Iterator[Gate]:
    """The gate's data lie on a disk of their own."""
    gate.data.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(gate.data))
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("only who may mount can make a disk that gets full")
    try:
        yield gate
    finally:
        gate.kill()
        subprocess.run(("umount", str(gate.data)), check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free, with somebody else's file."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert os.statvfs(folder).f_bavail == 0
    return filler


def reconnect(gate: Gate, broker: Mosquitto) -> None:
    """Have the broker end the gate's connection, because somebody else takes its name."""
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=gate.device, protocol=MQTTProtocolVersion.MQTTv5
    )
    client.username_pw_set(gate.device, PASSWORD)
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert wait_until(client.is_connected, PATIENCE)
    client.disconnect()
    client.loop_stop()


def test_a_disk_that_is_full(small_disk: Gate, mosquitto: Mosquitto, central: Central) -> None:
    gate = small_disk
    gate.start()
    assert patterns(gate, (1, 2)) == {"accept"}
    central.wait_for(lambda: {tap.seq for tap in central.taps} == {1, 2})
    filler = fill(gate.data)

    told = answers(gate, (3, 4, 5))
    assert {(answer["pattern"], answer["seq"]) for answer in told} <= {
        ("accept", 3),  # room inside the file of the database
        ("accept", 4),
        ("accept", 5),
        ("not_stored", None),
    }
    assert told[-1]["pattern"] == "not_stored"
    kept = set(gate.stored())
    assert {1, 2} <= kept
    assert "tap not stored" in gate.logged()
    reconnect(gate, mosquitto)
    central.wait_for(lambda: "taps_not_stored" in central.healths[-1].alarms)

    central.receipt(central.batches[0].stream, max(kept))  # what frees room must itself find room
    assert wait_until(lambda: not gate.stored(), PATIENCE)
    assert patterns(gate, (6,)) == {"accept"}

    filler.unlink()
    assert patterns(gate, (7,)) == {"accept"}
    assert gate.exit_status() is None


def test_a_start_on_a_disk_that_is_full(small_disk: Gate, prompt_central: Central) -> None:
    gate = small_disk
    gate.write_config(free_port())
    gate.start()
    assert patterns(gate, (1, 2)) == {"accept"}
    gate.terminate()
    filler = fill(gate.data)

    for student in (3, 4):  # again and again: no start may use up what the next one needs
        gate.start()
        assert patterns(gate, (student,)) <= {"accept", "not_stored"}
        assert {1, 2} <= set(gate.stored())
        gate.kill()

    gate.start()
    filler.unlink()
    assert patterns(gate, (5,)) == {"accept"}


def test_a_database_that_is_damaged_while_it_is_used(gate: Gate, central: Central) -> None:
    gate.start()
    assert patterns(gate, (1, 2)) == {"accept"}
    central.wait_for(lambda: {tap.seq for tap in central.taps} == {1, 2})
    old = central.batches[0].stream
    damage(gate.database)

    assert until_it_ends(gate, first=3)[-1]["pattern"] == "not_stored"
    assert gate.wait_for_exit() == 1

    gate.start()  # as its supervisor does
    assert [answer["seq"] for answer in answers(gate, (8, 9))] == [1, 2]
    central.wait_for(lambda: {batch.stream for batch in central.batches} - {old})
    central.wait_for(lambda: "outbox_damaged" in central.healths[-1].alarms)
    assert list(gate.data.glob("outbox.db.damaged-*"))


def damage(database: Path) -> None:
    """As a bad card does it: what is read back is not what was written."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("UPDATE life SET session = session + 1")  # so that nobody trusts his copies
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * (size - 100))


def until_it_ends(gate: Gate, first: int) -> list[dict[str, Any]]:
    """How children are answered by an agent that is about to find its database damaged."""
    told: list[dict[str, Any]] = []
    for student in range(first, first + 5):
        gate.reader.put(card(student))
        told.append(gate.answers.next())
        if told[-1]["pattern"] == "not_stored":
            break
    return told
