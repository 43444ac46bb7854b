"""What systemd hears of the agent: ready, alive, stopping; nothing any more when a loop hangs."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from devkit.servers import free_port
from edge_agent.watchdog import Beat, DiskBeat, Notifier, Pulse, Watchdog
from tests.edge.gate import PATIENCE, Gate, card

DEADLINE_S = 9.0


class Systemd:
    """Listens where systemd would."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))

    def next(self, seconds: float = PATIENCE) -> str:
        """The next message. Raises TimeoutError when none comes."""
        self._socket.settimeout(seconds)
        return self._socket.recv(4096).decode()

    def wait_for(self, message: str) -> None:
        while self.next() != message:
            pass

    def all_so_far(self) -> list[str]:
        found = []
        self._socket.setblocking(False)
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(short_folder: Path) -> Iterator[Systemd]:
    with closing(Systemd(str(short_folder / "notify"))) as listening:
        yield listening


class Loops:
    """Three loops, each with the time at which it last came round."""

    def __init__(self) -> None:
        self.at = {"entrada": 0.0, "uplink": 0.0, "disk": 0.0}
        self.status = "online"

    def pulse(self) -> Pulse:
        within = {"entrada": 60.0, "uplink": 180.0, "disk": 120.0}
        beats = [
            Beat(name, lambda name=name: self.at[name], seconds)  # type: ignore[misc]
            for name, seconds in within.items()
        ]
        return Pulse(beats, lambda: self.status)

    def all_beat(self, now: float) -> None:
        self.at = dict.fromkeys(self.at, now)


def watchdog(systemd: Systemd, loops: Loops, deadline_s: float | None = DEADLINE_S) -> Watchdog:
    return Watchdog(Notifier(systemd.address), loops.pulse(), deadline_s)


def test_it_is_fed_three_times_within_its_deadline(systemd: Systemd) -> None:
    dog = watchdog(systemd, Loops())

    for second in range(10):
        dog.look(float(second))

    assert systemd.all_so_far() == ["STATUS=online", *["WATCHDOG=1"] * 4]


@pytest.mark.parametrize(("loop", "within"), [("entrada", 60), ("uplink", 180), ("disk", 120)])
def test_any_loop_that_hangs_starves_it_until_it_comes_round_again(
    systemd: Systemd, loop: str, within: int, caplog: pytest.LogCaptureFixture
) -> None:
    loops = Loops()
    dog = watchdog(systemd, loops)
    loops.all_beat(1000.0)
    loops.at[loop] = 1000.0 - within
    dog.look(1000.0)
    alive = systemd.all_so_far()

    dog.look(1005.0)
    hanging = systemd.all_so_far()
    loops.all_beat(1006.0)
    dog.look(1007.0)

    assert alive == ["STATUS=online", "WATCHDOG=1"]
    assert hanging == []
    assert systemd.all_so_far() == ["WATCHDOG=1"]
    assert f"hangs: {loop}" in caplog.text


def test_a_status_is_told_when_it_changes_and_not_every_second(systemd: Systemd) -> None:
    loops = Loops()
    dog = watchdog(systemd, loops, deadline_s=None)

    for second in range(40):
        loops.status = "online" if second < 15 else "offline"
        dog.look(float(second))

    assert systemd.all_so_far() == ["STATUS=online", "STATUS=offline"]


def test_a_disk_that_refuses_has_answered_too(tmp_path: Path) -> None:
    disk = DiskBeat(tmp_path / "not there")
    disk.beat_at = 0.0

    disk.write()

    assert time.monotonic() - disk.beat_at < PATIENCE


def test_an_abstract_address_is_understood_and_nobody_there_costs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    address = f"@gate-notify-{os.getpid()}"
    with closing(Systemd(address)) as listening:
        Notifier(address).tell("READY=1", "STATUS=x")

        assert listening.next() == "READY=1\nSTATUS=x"
    Notifier(address).tell("READY=1")
    Notifier(None).tell("READY=1")
    assert len(caplog.records) == 1


def test_the_agent_says_that_it_is_ready_alive_and_stopping(
    gate: Gate, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    gate.start()

    first = systemd.next()
    systemd.wait_for("WATCHDOG=1")
    gate.terminate()

    assert first == "READY=1"
    assert "STOPPING=1" in systemd.all_so_far()


def test_without_reader_and_broker_it_is_degraded_and_stays_up(
    gate: Gate, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.reader.unplug()
    gate.write_config(free_port())
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    gate.start()

    systemd.wait_for("STATUS=offline, 0 of 1 readers ready")
    for _ in range(3):
        systemd.wait_for("WATCHDOG=1")

    assert gate.exit_status() is None
    gate.reader.plug()
    assert gate.tap(card(1))["pattern"] == "accept"
