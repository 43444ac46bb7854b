"""The uplink in this process, at a real broker: what is sent when, and what is forgotten when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from contracts import topics
from contracts.messages import Health
from devkit.servers import Mosquitto, free_port
from devkit.waiting import wait_until
from edge_agent.clock import host_clock
from edge_agent.outbox import Outbox
from edge_agent.sending import SendWindow
from edge_agent.settings import BrokerSettings
from edge_agent.uplink import Identity, Uplink
from edge_agent.wake import Wake
from tests.edge.central import Central
from tests.edge.gate import PASSWORD, PATIENCE
from tests.edge.values import MORNING, a_draft


def a_health() -> Health:
    return Health(MORNING, "synced", 3, 12, 5000, 0, 0, roster_version="r1")


class Line:
    """An outbox with an uplink that runs in a thread."""

    def __init__(self, outbox: Outbox, device: str, broker: BrokerSettings) -> None:
        self.outbox = outbox
        self._wake = Wake()
        self._stop = threading.Event()
        window = SendWindow(patience=0.4)
        uplink = Uplink(Identity(device, broker, host_clock), outbox, self._wake, a_health, window)
        self._thread = threading.Thread(target=uplink.run, args=(self._stop,))
        self._thread.start()

    def tap(self, number: int) -> int:
        seq = self.outbox.put(a_draft(number))
        self._wake.set()
        return seq

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._wake.close()


@contextmanager
def running(
    outbox: Outbox, device: str, port: int, *, username: str = "", password: str = PASSWORD
) -> Iterator[Line]:
    broker = BrokerSettings("127.0.0.1", port, username or device, password)
    line = Line(outbox, device, broker)
    try:
        yield line
    finally:
        line.stop()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with closing(Outbox.open(tmp_path / "outbox.db")) as opened:
        yield opened


def empty(outbox: Outbox) -> Callable[[], bool]:
    return lambda: outbox.depth() == 0


def test_a_backlog_leaves_oldest_first_and_fifty_a_message(
    outbox: Outbox, mosquitto: Mosquitto, device: str, prompt_central: Central
) -> None:
    for number in range(130):
        outbox.put(a_draft(number))

    with running(outbox, device, mosquitto.port):
        assert wait_until(empty(outbox), PATIENCE)

    assert [len(batch.taps) for batch in prompt_central.batches] == [50, 50, 30]
    assert [tap.seq for tap in prompt_central.taps] == list(range(1, 131))


def test_a_live_tap_leaves_at_once(
    outbox: Outbox, mosquitto: Mosquitto, device: str, prompt_central: Central
) -> None:
    with running(outbox, device, mosquitto.port) as line:
        prompt_central.wait_for(lambda: prompt_central.statuses)
        took = []
        for number in range(10):
            started = time.monotonic()
            line.tap(number)
            prompt_central.wait_for_taps(outbox.stream, number + 1)
            took.append(time.monotonic() - started)

    assert sorted(took)[5] < 0.2


def test_without_a_receipt_nothing_is_forgotten_though_the_broker_acknowledged(
    outbox: Outbox, mosquitto: Mosquitto, device: str, central: Central
) -> None:
    with running(outbox, device, mosquitto.port) as line:
        line.tap(1)
        central.wait_for(lambda: central.taps)

    assert outbox.depth() == 1


def test_taps_are_sent_again_until_the_receipt_and_not_after(
    outbox: Outbox, mosquitto: Mosquitto, device: str, central: Central
) -> None:
    with running(outbox, device, mosquitto.port) as line:
        line.tap(1)
        central.wait_for(lambda: len(central.batches) >= 3)

        central.receipt(outbox.stream, 1)

        assert wait_until(empty(outbox), PATIENCE)
        assert central.is_quiet(1.5)
    assert central.held(outbox.stream) == {1}


def test_no_more_than_a_few_messages_go_ahead_of_the_receipt(
    outbox: Outbox, mosquitto: Mosquitto, device: str, central: Central
) -> None:
    for number in range(400):
        outbox.put(a_draft(number))

    with running(outbox, device, mosquitto.port):
        central.wait_for(lambda: len(central.batches) >= 4)
        first = [tap.seq for batch in central.batches[:4] for tap in batch.taps]
        central.wait_for(lambda: len(central.batches) >= 6)

    assert first == list(range(1, 201))
    assert {tap.seq for tap in central.taps} == set(range(1, 201))


def test_the_receipt_of_another_stream_is_ignored(
    outbox: Outbox, mosquitto: Mosquitto, device: str, central: Central
) -> None:
    with running(outbox, device, mosquitto.port) as line:
        line.tap(1)
        central.wait_for(lambda: central.taps)
        before = len(central.batches)

        central.receipt("0" * 32, 1)

        central.wait_for(lambda: len(central.batches) > before)
        assert outbox.depth() == 1


@pytest.mark.parametrize("garbage", [b"{", b"\xff" * 300, b'{"stream":"x","upto":-1}', b"[]"])
def test_a_garbled_receipt_is_logged_and_ignored(
    outbox: Outbox,
    mosquitto: Mosquitto,
    device: str,
    central: Central,
    garbage: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running(outbox, device, mosquitto.port) as line:
        line.tap(1)
        central.wait_for(lambda: central.taps)

        central.send(topics.receipt(device), garbage)

        assert wait_until(lambda: f"{topics.receipt(device)}: " in caplog.text, PATIENCE)
        central.receipt(outbox.stream, 1)
        assert wait_until(empty(outbox), PATIENCE)


def test_a_retained_receipt_is_learnt_on_connecting(
    outbox: Outbox, mosquitto: Mosquitto, device: str, central: Central
) -> None:
    for number in (1, 2, 3):
        outbox.put(a_draft(number))
    central.receipt(outbox.stream, 2)

    with running(outbox, device, mosquitto.port):
        assert wait_until(lambda: outbox.depth() == 1, PATIENCE)


def test_an_outbox_that_went_back_in_time_begins_a_new_stream_and_loses_nothing(
    outbox: Outbox, mosquitto: Mosquitto, device: str, prompt_central: Central
) -> None:
    restored = outbox.stream
    prompt_central.receipt(restored, 500)  # central knew this file in its later days
    for number in (1, 2):
        outbox.put(a_draft(number))

    with running(outbox, device, mosquitto.port):
        assert wait_until(empty(outbox), PATIENCE)

    assert outbox.stream != restored
    assert prompt_central.held(outbox.stream) == {1, 2}


def test_the_birth_is_retained_and_a_goodbye_follows_in_the_same_session(
    outbox: Outbox, mosquitto: Mosquitto, device: str, central: Central
) -> None:
    with running(outbox, device, mosquitto.port):
        central.wait_for(lambda: central.statuses)
        with Central(mosquitto, device) as latecomer:
            latecomer.wait_for(lambda: latecomer.statuses)
            assert latecomer.statuses[0].online
    central.wait_for(lambda: len(central.statuses) >= 2)

    birth, goodbye = central.statuses
    assert (birth.online, goodbye.online) == (True, False)
    assert birth.session == goodbye.session


def test_sessions_grow_from_connection_to_connection(
    outbox: Outbox, mosquitto: Mosquitto, device: str, central: Central
) -> None:
    for count in (1, 3):
        with running(outbox, device, mosquitto.port):
            central.wait_for_statuses(count)
        central.wait_for_statuses(count + 1)

    assert central.statuses[2].session > central.statuses[0].session


def test_health_is_told_on_connecting(
    outbox: Outbox, mosquitto: Mosquitto, device: str, central: Central
) -> None:
    with running(outbox, device, mosquitto.port):
        central.wait_for(lambda: central.healths)

    assert central.healths == [a_health()]


def test_what_the_broker_refuses_is_reported_and_kept(
    outbox: Outbox, mosquitto: Mosquitto, device: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(outbox, "somebody-else", mosquitto.port, username=device) as line:
        line.tap(1)

        assert wait_until(lambda: "refused a message: Not authorized" in caplog.text, PATIENCE)
    assert outbox.depth() == 1


def test_a_wrong_password_is_reported_and_tried_again(
    outbox: Outbox, mosquitto: Mosquitto, device: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(outbox, device, mosquitto.port, password="wrong") as line:
        line.tap(1)

        assert wait_until(lambda: caplog.text.count("not connected: ") >= 2, PATIENCE)
    assert "the broker refuses us: Not authorized" in caplog.text
    assert "wrong" not in caplog.text


def test_a_broker_killed_with_all_it_had_queued_loses_nothing(
    outbox: Outbox, tmp_path: Path
) -> None:
    users = {"central-ingest": "central-ingest", "gate-x": PASSWORD}
    with (
        Mosquitto(tmp_path / "broker", free_port(), users) as broker,
        running(outbox, "gate-x", broker.port) as line,
    ):
        with Central(broker, "gate-x") as silent:
            line.tap(1)
            silent.wait_for_taps(outbox.stream, 1)
        for number in range(2, 60):
            line.tap(number)

        broker.kill()
        broker.store.unlink(missing_ok=True)
        broker.start()

        with Central(broker, "gate-x", prompt=True) as central:
            central.wait_for_taps(outbox.stream, 59)
            assert wait_until(empty(outbox), PATIENCE)
