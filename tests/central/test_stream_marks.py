"""Marks and holes, in whatever order taps arrive, against a plain model in Python."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from central.attendance.models import Tap
from central.ingest.database import Database
from central.ingest.reading import Received
from central.settings import Settings
from contracts import topics
from contracts.messages import MAX_TAPS, Receipt, TapBatch, TapRead
from tests.builders import a_tap
from tests.central.recording import SmallSchool, a_small_school, count, quarantined

LIMIT = 1000  # holes that a receipt may name
STREAMS = ("old", "new")

# Each example runs on a real server, so there is no deadline.
on_a_server = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_message = st.tuples(st.sampled_from(STREAMS), st.lists(st.integers(1, 25), min_size=1, max_size=6))
_batches = st.lists(st.lists(_message, min_size=1, max_size=4), min_size=1, max_size=6)


@pytest.fixture
def place(session: Session) -> SmallSchool:
    return a_small_school(session)


@pytest.fixture
def store(settings: Settings, place: SmallSchool) -> Iterator[Database]:
    database = Database(settings.database_url_for("ingest"))
    yield database
    database.close()


def message(device: str, *taps: TapRead, stream: str = "s1") -> Received:
    return Received(topics.taps(device), TapBatch(stream, taps).to_json())


def expected(stream: str, held: set[int]) -> Receipt:
    """The receipt as its contract words it, number by number."""
    mark = 0
    while mark + 1 in held:
        mark += 1
    holes: list[tuple[int, int]] = []
    for seq in range(mark + 1, max(held, default=0)):
        if seq in held:
            continue
        if holes and holes[-1][1] == seq - 1:
            holes[-1] = (holes[-1][0], seq)
        else:
            holes.append((seq, seq))
    return Receipt(stream, mark, tuple(holes[:LIMIT]))


@on_a_server
@given(batches=_batches)
def test_receipts_are_exact_for_any_order_of_arrival(
    session: Session,
    store: Database,
    place: SmallSchool,
    batches: list[list[tuple[str, list[int]]]],
) -> None:
    _forget(session)
    held: dict[str, set[int]] = {stream: set() for stream in STREAMS}

    for batch in batches:
        recorded = store.store(
            [
                message(place.gate, *(a_tap(seq, card="x") for seq in seqs), stream=stream)
                for stream, seqs in batch
            ]
        )

        for stream, seqs in batch:
            held[stream].update(seqs)
        touched = {stream for stream, _ in batch}
        told = {(place.gate, expected(stream, held[stream])) for stream in touched}
        assert set(recorded.receipts) == told
        assert len(recorded.receipts) == len(told)
    assert count(session, Tap) == sum(map(len, held.values()))
    assert quarantined(session) == []
    session.rollback()


def test_a_receipt_has_no_more_holes_than_a_device_reads(
    store: Database, place: SmallSchool
) -> None:
    every_other = range(2, 2 * (LIMIT + 200), 2)
    chunks = [every_other[i : i + MAX_TAPS] for i in range(0, len(every_other), MAX_TAPS)]

    recorded = store.store(
        [message(place.gate, *(a_tap(seq, card="x") for seq in chunk)) for chunk in chunks]
    )

    ((_, receipt),) = recorded.receipts
    assert len(receipt.holes) == LIMIT
    assert receipt == expected("s1", set(every_other))
    assert Receipt.from_json(receipt.to_json()) == receipt


def test_a_device_that_fills_the_holes_it_was_told_of_reaches_the_end(
    store: Database, place: SmallSchool
) -> None:
    top = 2 * (LIMIT + 200)
    store.store(_messages(place.gate, list(range(2, top + 1, 2))))
    receipt = store.store([message(place.gate)]).receipts[0][1]
    rounds = 0

    while receipt.holes:
        missing = [seq for first, last in receipt.holes for seq in range(first, last + 1)]
        receipt = store.store(_messages(place.gate, missing)).receipts[0][1]
        rounds += 1

    assert receipt == Receipt("s1", top)
    assert rounds == 2


def test_a_stream_sent_again_from_its_beginning_is_ignored(
    session: Session, store: Database, place: SmallSchool
) -> None:
    sent = [message(place.gate, *(a_tap(seq) for seq in (1, 2, 3)))]
    store.store(sent)
    before = _rows(session)

    recorded = store.store(sent)

    assert (recorded.taps, recorded.notifications) == (0, 0)
    assert recorded.receipts == ((place.gate, Receipt("s1", 3)),)
    assert _rows(session) == before
    assert quarantined(session) == []


def test_a_stream_that_begins_again_with_other_taps_is_set_apart(
    session: Session, store: Database, place: SmallSchool
) -> None:
    """An outbox that was reset without a new stream: what is here stays, nothing is forgotten."""
    store.store([message(place.gate, a_tap(1), a_tap(2), a_tap(3))])
    before = _rows(session)
    reset = message(place.gate, a_tap(1, boot="boot-2"), a_tap(2, boot="boot-2"))

    recorded = store.store([reset, reset])

    assert recorded.receipts == ((place.gate, Receipt("s1", 3)),)
    assert _rows(session) == before
    kept = quarantined(session)
    assert {one.reason for one in kept} == {"seq reused with other content"}
    assert sorted(json.loads(one.payload)["taps"][0]["seq"] for one in kept) == [1, 2]


def test_the_mark_of_one_device_says_nothing_of_another_with_the_same_stream_key(
    store: Database, place: SmallSchool, database: Engine
) -> None:
    recorded = store.store([message(place.gate, a_tap(1), a_tap(2)), message(place.exit, a_tap(2))])

    assert set(recorded.receipts) == {
        (place.gate, Receipt("s1", 2)),
        (place.exit, Receipt("s1", 0, ((1, 1),))),
    }


def _messages(device: str, seqs: list[int]) -> list[Received]:
    return [
        message(device, *(a_tap(seq, card="x") for seq in seqs[start : start + MAX_TAPS]))
        for start in range(0, len(seqs), MAX_TAPS)
    ]


def _rows(session: Session) -> list[tuple[object, ...]]:
    session.expire_all()
    rows = session.execute(select(Tap.seq, Tap.boot, Tap.digest, Tap.tapped_at).order_by(Tap.seq))
    return [tuple(row) for row in rows]


def _forget(session: Session) -> None:
    session.execute(text("DELETE FROM taps"))
    session.execute(text("DELETE FROM streams"))
    session.commit()
