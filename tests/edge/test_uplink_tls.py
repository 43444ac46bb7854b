"""The uplink over TLS, with certificates on both sides."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.messages import Health
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from edge_agent.clock import Clock, host_clock
from edge_agent.outbox import Outbox
from edge_agent.settings import BrokerSettings, TlsFiles
from edge_agent.uplink import Identity, Uplink
from edge_agent.wake import Wake
from tests.edge.central import Central
from tests.edge.gate import PASSWORD, PATIENCE
from tests.edge.tls import Authority, TlsDoor
from tests.edge.values import MORNING, SetClock, a_draft

# paho leaves the socket of a failed handshake to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority", "our authority")


@pytest.fixture
def door(authority: Authority, mosquitto: Mosquitto) -> Iterator[TlsDoor]:
    with TlsDoor(authority, mosquitto.port) as opened:
        yield opened


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with closing(Outbox.open(tmp_path / "outbox.db")) as opened:
        opened.put(a_draft(1))
        yield opened


@contextmanager
def uplink(
    outbox: Outbox, device: str, port: int, tls: TlsFiles, clock: Clock = host_clock
) -> Iterator[None]:
    broker = BrokerSettings("localhost", port, device, PASSWORD, tls)
    stop, wake = threading.Event(), Wake()
    running = Uplink(
        Identity(device, broker, clock),
        outbox,
        wake,
        lambda: Health(MORNING, "synced", 0, 0, 0, 0, 0),
    )
    thread = threading.Thread(target=running.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        wake.set()
        thread.join(PATIENCE)
        wake.close()


def test_a_device_shows_its_certificate_and_is_let_in(
    outbox: Outbox, device: str, door: TlsDoor, authority: Authority, prompt_central: Central
) -> None:
    certificate, key = authority.issue(device)

    with uplink(outbox, device, door.port, TlsFiles(authority.ca_file, certificate, key)):
        assert wait_until(lambda: outbox.depth() == 0, PATIENCE)

    assert device in door.names


def test_a_server_that_our_authority_did_not_sign_is_not_trusted(
    outbox: Outbox,
    device: str,
    door: TlsDoor,
    authority: Authority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = Authority(tmp_path / "other", "another authority")
    certificate, key = authority.issue(device)

    with uplink(outbox, device, door.port, TlsFiles(other.ca_file, certificate, key)):
        assert wait_until(lambda: "certificate verify failed" in caplog.text, PATIENCE)

    assert door.names == []
    assert outbox.depth() == 1


def test_a_device_without_a_certificate_is_not_let_in_and_keeps_trying(
    outbox: Outbox,
    device: str,
    door: TlsDoor,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with uplink(outbox, device, door.port, TlsFiles(authority.ca_file)):
        assert wait_until(lambda: caplog.text.count("not connected: ") >= 2, PATIENCE)

    assert outbox.depth() == 1


YEARS = timedelta(days=365 * 9)


@pytest.mark.parametrize("valid", [(-2 * YEARS, -YEARS), (YEARS, 2 * YEARS)], ids=["past", "next"])
def test_a_gate_that_does_not_know_the_time_reaches_the_broker_all_the_same(
    outbox: Outbox,
    device: str,
    mosquitto: Mosquitto,
    authority: Authority,
    prompt_central: Central,
    valid: tuple[timedelta, timedelta],
) -> None:
    certificate, key = authority.issue(device)
    files = TlsFiles(authority.ca_file, certificate, key)

    with (
        TlsDoor(authority, mosquitto.port, valid=valid) as door,
        uplink(outbox, device, door.port, files, SetClock(clock="unsynced")),
    ):
        assert wait_until(lambda: outbox.depth() == 0, PATIENCE)

    assert prompt_central.taps
