"""The outbox file: numbers without holes, rows that stay until told, damage that is set aside."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.fields import dump
from contracts.messages import TapBatch
from edge_agent.outbox import Outbox, OutboxDamaged, OutboxUnavailable, Span
from tests.edge.values import MORNING, a_draft


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with closing(Outbox.open(path)) as opened:
        yield opened


def seqs(outbox: Outbox) -> list[int]:
    return [tap.seq for tap in outbox.after(0, 1000)]


def test_taps_are_numbered_from_one(outbox: Outbox) -> None:
    assert [outbox.put(a_draft(number)) for number in (1, 2, 3)] == [1, 2, 3]


def test_a_tap_comes_back_as_the_wire_has_it(outbox: Outbox) -> None:
    outbox.put(a_draft(7))

    payload = dump({"stream": outbox.stream, "taps": [tap.wire for tap in outbox.after(0, 50)]})

    (tap,) = TapBatch.from_json(payload).taps
    assert tap == replace(a_draft(7), seq=1)


def test_the_oldest_come_first_and_no_more_than_asked(outbox: Outbox) -> None:
    for number in range(1, 8):
        outbox.put(a_draft(number))

    assert [tap.seq for tap in outbox.after(2, 3)] == [3, 4, 5]


def test_a_receipt_forgets_everything_up_to_it(outbox: Outbox) -> None:
    for number in range(1, 6):
        outbox.put(a_draft(number))

    outbox.forget(3)

    assert seqs(outbox) == [4, 5]
    assert outbox.depth() == 2


def test_numbers_go_on_after_everything_was_forgotten_and_the_file_closed(path: Path) -> None:
    with closing(Outbox.open(path)) as outbox:
        stream = outbox.stream
        for number in (1, 2, 3):
            outbox.put(a_draft(number))
        outbox.forget(3)

    with closing(Outbox.open(path)) as outbox:
        assert outbox.stream == stream
        assert outbox.span() == Span(stream, first=4, last=3)
        assert outbox.put(a_draft(4)) == 4


def test_each_file_is_a_stream_of_its_own(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "a")) as one, closing(Outbox.open(tmp_path / "b")) as other:
        assert one.stream != other.stream


def test_the_commit_reaches_the_disk(outbox: Outbox) -> None:
    # Only a power cut could show the difference, and a SIGKILL is not one: so ask SQLite.
    database = outbox._database
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)


def test_repeats_are_counted_with_their_tap(outbox: Outbox) -> None:
    first, second = outbox.put(a_draft(1)), outbox.put(a_draft(2))

    outbox.count_repeat(second)
    outbox.count_repeat(second)

    assert [tap.wire["repeat"] for tap in outbox.after(0, 9)] == [0, 2]
    assert first == 1


def test_a_repeat_of_a_forgotten_tap_changes_nothing(outbox: Outbox) -> None:
    outbox.forget(outbox.put(a_draft(1)))

    outbox.count_repeat(1)

    assert outbox.depth() == 0


def test_a_new_stream_numbers_what_waits_anew_and_in_order(path: Path) -> None:
    with closing(Outbox.open(path)) as outbox:
        old = outbox.stream
        for number in range(1, 6):
            outbox.put(a_draft(number))
        outbox.forget(3)

        outbox.begin_stream()

        new = outbox.stream
        assert new != old
        assert [tap.wire["up_ms"] for tap in outbox.after(0, 9)] == [4000, 5000]
        assert outbox.span() == Span(new, first=1, last=2)
        assert outbox.put(a_draft(6)) == 3
    with closing(Outbox.open(path)) as outbox:
        assert outbox.stream == new


def test_sessions_grow_also_over_a_restart(path: Path) -> None:
    with closing(Outbox.open(path)) as outbox:
        sessions = [outbox.next_session(MORNING), outbox.next_session(MORNING)]
    with closing(Outbox.open(path)) as outbox:
        sessions.append(outbox.next_session(MORNING - timedelta(days=400)))

    assert sessions == sorted(set(sessions))


def test_a_lost_file_does_not_take_the_sessions_back(tmp_path: Path) -> None:
    with closing(Outbox.open(tmp_path / "lost")) as lost:
        before = lost.next_session(MORNING)

    with closing(Outbox.open(tmp_path / "fresh")) as fresh:
        assert fresh.next_session(MORNING + timedelta(minutes=5)) > before


def test_threads_share_one_run_of_numbers(outbox: Outbox) -> None:
    numbers: list[int] = []

    def tap() -> None:
        for number in range(50):
            numbers.append(outbox.put(a_draft(number)))
            outbox.forget(min(numbers) - 1)

    threads = [threading.Thread(target=tap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(numbers) == list(range(1, 201))


def overwrite_header(path: Path) -> None:
    path.write_bytes(b"not a database at all" + path.read_bytes()[21:])


def overwrite_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [overwrite_header, overwrite_middle, cut_in_half])
def test_a_damaged_file_is_set_aside_and_a_new_stream_begins(
    path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Outbox.open(path)) as outbox:
        old = outbox.stream
        for number in range(1, 200):
            outbox.put(a_draft(number))
    damage(path)
    remains = path.read_bytes()

    with closing(Outbox.open(path)) as outbox:
        assert outbox.stream != old
        assert outbox.put(a_draft(1)) == 1

    (aside,) = path.parent.glob("outbox.db.damaged-*")
    assert aside.read_bytes() == remains
    assert aside.name in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def test_an_empty_file_is_a_new_one(path: Path) -> None:
    path.touch()

    with closing(Outbox.open(path)) as outbox:
        assert outbox.put(a_draft()) == 1


def test_damage_is_told_apart_from_a_passing_fault(path: Path) -> None:
    path.write_bytes(b"\xff" * 8192)

    with pytest.raises(OutboxDamaged):
        Outbox(path)
    with pytest.raises(OutboxUnavailable) as fault:
        Outbox(path.parent / "no-such-folder" / "outbox.db")
    assert not isinstance(fault.value, OutboxDamaged)


def test_a_closed_outbox_says_so_and_keeps_its_numbers(path: Path) -> None:
    outbox = Outbox.open(path)
    outbox.put(a_draft(1))
    outbox.close()

    with pytest.raises(OutboxUnavailable):
        outbox.put(a_draft(2))

    with closing(Outbox.open(path)) as again:
        assert again.put(a_draft(2)) == 2


@pytest.mark.parametrize("garbled", ["{", "\x00\x01", "[1]", ""])
def test_a_garbled_row_still_goes_out_under_its_number(path: Path, garbled: str) -> None:
    with closing(Outbox.open(path)) as outbox:
        for number in (1, 2, 3):
            outbox.put(a_draft(number))
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE outbox SET tap = ? WHERE seq = 2", (garbled,))
        database.commit()

    with closing(Outbox.open(path)) as outbox:
        payload = dump({"stream": "s", "taps": [tap.wire for tap in outbox.after(0, 9)]})

    batch = TapBatch.from_json(payload)
    assert [tap.seq for tap in batch.taps] == [1, 3]
    assert [refused.seq for refused in batch.refused] == [2]
