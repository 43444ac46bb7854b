"""Debounce, presence, back-off, clock, wake: the small parts that hold a state or a fact."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.backoff import Backoff
from edge_agent.clock import host_clock, system_clock
from edge_agent.debounce import Debounce, Recent
from edge_agent.readers.presence import EMPTY_POLLS, FORGET_AFTER, TORN_AGAIN_AFTER, Presence
from edge_agent.threads import Threads
from edge_agent.wake import Wake

TAP = Recent(seq=1, verdict="accepted", up_ms=100_000)
ONE, OTHER = b"\x04\x01\x02\x03\x04\x05\x06", b"\x04\x0a\x0b\x0c\x0d\x0e\x0f"


def remembering() -> Debounce:
    debounce = Debounce(window_s=45)
    debounce.remember("entrada", "d1", TAP)
    return debounce


@pytest.mark.parametrize(
    ("reader", "digest", "verdict", "up_ms", "found"),
    [
        ("entrada", "d1", "accepted", 100_000, TAP),
        ("entrada", "d1", "accepted", 144_999, TAP),
        ("entrada", "d1", "accepted", 145_000, None),
        ("entrada", "d2", "accepted", 101_000, None),
        ("salida", "d1", "accepted", 101_000, None),
        ("entrada", "d1", "revoked", 101_000, None),
    ],
)
def test_the_same_card_within_the_window_is_the_same_tap(
    reader: str, digest: str, verdict: str, up_ms: int, found: Recent | None
) -> None:
    assert remembering().tap_of(reader, digest, verdict, up_ms) is found


def test_old_taps_are_not_kept() -> None:
    debounce = remembering()

    debounce.remember("entrada", "d2", Recent(seq=2, verdict="accepted", up_ms=200_000))

    assert debounce.tap_of("entrada", "d1", "accepted", 100_001) is None


def test_a_window_of_nothing_makes_every_read_a_tap() -> None:
    debounce = Debounce(window_s=0)
    debounce.remember("entrada", "d1", TAP)

    assert debounce.tap_of("entrada", "d1", "accepted", 100_000) is None


def test_a_card_that_stays_is_read_once() -> None:
    presence = Presence()
    assert presence.is_due(ONE, 0.0)
    presence.was_read(ONE, 0.0)

    assert not any(presence.is_due(ONE, tick * 0.05) for tick in range(200))


def test_a_card_is_new_after_it_was_away() -> None:
    presence = Presence()
    presence.was_read(ONE, 0.0)
    for _ in range(EMPTY_POLLS):
        presence.found_nothing()

    assert presence.is_due(ONE, 0.3)


def test_a_poll_that_misses_a_resting_card_does_not_make_it_new() -> None:
    presence = Presence()
    presence.was_read(ONE, 0.0)
    for _ in range(EMPTY_POLLS - 1):
        presence.found_nothing()
    assert not presence.is_due(ONE, 0.1)
    presence.found_nothing()

    assert not presence.is_due(ONE, 0.2)


def test_two_cards_in_one_wallet_are_read_once_each() -> None:
    presence = Presence()
    reads = []
    for tick in range(100):
        uid = ONE if tick % 2 else OTHER
        if presence.is_due(uid, tick * 0.05):
            presence.was_read(uid, tick * 0.05)
            reads.append(uid)

    assert sorted(reads) == [ONE, OTHER]


def test_a_card_not_seen_for_a_while_is_new_even_when_the_field_was_never_empty() -> None:
    presence = Presence()
    presence.was_read(ONE, 0.0)
    presence.was_read(OTHER, 1.0)

    assert presence.is_due(ONE, FORGET_AFTER)


def test_a_phone_that_changes_its_number_is_read_once() -> None:
    presence = Presence()
    presence.was_read(bytes.fromhex("08aabbcc"), 0.0)

    assert not presence.is_due(bytes.fromhex("08112233"), 0.1)


def test_a_card_held_badly_is_told_of_now_and_then() -> None:
    presence = Presence()
    told = [presence.report_torn(ONE, tick / 100) for tick in range(400)]

    assert told.count(True) == 3
    assert told[0]
    assert told.index(True, 1) == round(TORN_AGAIN_AFTER * 100)


def test_a_torn_card_is_due_again_at_once() -> None:
    presence = Presence()
    presence.report_torn(ONE, 0.0)

    assert presence.is_due(ONE, 0.05)


def test_waits_double_up_to_the_limit_and_vary() -> None:
    backoff = Backoff(first=1, most=8)
    waits = [backoff.wait() for _ in range(6)]

    for wait, step in zip(waits, [1, 2, 4, 8, 8, 8], strict=True):
        assert step / 2 <= wait <= step
    assert len(set(waits)) == 6


def test_waits_begin_anew_after_success() -> None:
    backoff = Backoff(first=1, most=60)
    for _ in range(5):
        backoff.wait()

    backoff.reset()

    assert backoff.wait() <= 1


def test_a_clock_kept_by_the_host_is_synced() -> None:
    moment = host_clock()

    assert moment.clock == "synced"
    assert abs(moment.at - datetime.now(UTC)) < timedelta(seconds=5)
    assert moment.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert abs(moment.up_ms - time.clock_gettime(time.CLOCK_BOOTTIME) * 1000) < 5000


def test_the_system_clock_knows_whether_it_is_synced() -> None:
    assert system_clock().clock in {"synced", "unsynced"}


def test_a_wake_before_the_wait_is_not_missed() -> None:
    wake = Wake()
    wake.set()
    started = time.monotonic()

    wake.wait(60)

    assert time.monotonic() - started < 5
    wake.close()


def test_a_wake_ends_a_wait_of_another_thread() -> None:
    wake = Wake()
    waiting = threading.Thread(target=wake.wait, args=(60,))
    waiting.start()

    wake.set()

    waiting.join(5)
    assert not waiting.is_alive()
    wake.close()


def test_waking_never_blocks() -> None:
    wake = Wake()

    for _ in range(200_000):  # far more than a pipe holds
        wake.set()
    wake.clear()

    started = time.monotonic()
    wake.wait(0.05)
    assert time.monotonic() - started >= 0.04
    wake.close()


def _until(event: threading.Event) -> None:
    event.wait()


def test_a_part_that_fails_is_logged_and_ends_all_others(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_stop: threading.Event) -> None:
        raise LookupError("of all things")

    threads = Threads()
    threads.start("patient", _until)
    threads.start("clumsy", fail)

    assert threads.join(time.monotonic() + 5)
    assert threads.failed.is_set()
    assert "clumsy failed" in caplog.text
    assert "of all things" in caplog.text


def test_a_part_that_does_not_end_is_not_waited_for() -> None:
    release = threading.Event()
    threads = Threads()
    threads.start("stuck", lambda _stop: _until(release))
    threads.stop.set()

    assert not threads.join(time.monotonic() + 0.05)

    release.set()
    assert threads.join(time.monotonic() + 5)
    assert not threads.failed.is_set()
