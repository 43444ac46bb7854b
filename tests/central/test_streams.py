"""The exact account of what each stream delivered: marks, holes, and numbers used twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.attendance.models import Tap
from central.devices.models import Stream
from central.devices.rules import MOST_HOLES, receipt, runs
from contracts.messages import MAX_SEQ, Receipt, RefusedTap
from tests.builders import MORNING, a_tap, minutes
from tests.central.recording import (
    SessionAs,
    SmallSchool,
    a_small_school,
    count,
    quarantined,
    record,
    sent,
)


@pytest.fixture
def place(session: Session) -> SmallSchool:
    return a_small_school(session)


@pytest.fixture
def ingest(place: SmallSchool, session_as: SessionAs) -> Session:
    return session_as("ingest", place.school.id)


@pytest.mark.parametrize(
    ("seqs", "expected"),
    [
        pytest.param([], Receipt("s1", 0), id="nothing"),
        pytest.param([1, 2, 3], Receipt("s1", 3), id="all"),
        pytest.param([3, 1, 2, 1], Receipt("s1", 3), id="all, out of order and repeated"),
        pytest.param([2, 3], Receipt("s1", 0, ((1, 1),)), id="the first is missing"),
        pytest.param([1, 4, 5, 9], Receipt("s1", 1, ((2, 3), (6, 8))), id="two holes"),
        pytest.param([MAX_SEQ], Receipt("s1", 0, ((1, MAX_SEQ - 1),)), id="only the very last"),
    ],
)
def test_a_receipt_says_what_is_here_and_what_is_missing(
    seqs: list[int], expected: Receipt
) -> None:
    assert receipt("s1", runs(seqs)) == expected


def test_a_receipt_names_as_many_holes_as_the_contract_allows() -> None:
    told = receipt("s1", runs(range(2, 4 * MOST_HOLES, 2)))

    assert len(told.holes) == MOST_HOLES
    assert told.holes[0] == (1, 1)
    assert Receipt.from_json(told.to_json()) == told


@given(seqs=st.lists(st.integers(1, 40), max_size=60))
def test_mark_and_holes_together_are_exactly_what_was_received(seqs: list[int]) -> None:
    told = receipt("s1", runs(seqs))

    missing = {seq for first, last in told.holes for seq in range(first, last + 1)}
    assert set(range(1, max(seqs, default=0) + 1)) - missing == set(seqs)
    assert all(seq > told.upto for seq in missing)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.sets(st.integers(1, 30), max_size=8), min_size=1, max_size=6))
def test_the_database_holds_exactly_the_numbers_that_came(
    session: Session, place: SmallSchool, ingest: Session, batches: list[set[int]]
) -> None:
    session.execute(text("DELETE FROM taps"))
    session.execute(text("DELETE FROM streams"))
    session.commit()

    for seqs in batches:
        recorded = record(ingest, sent(place.gate, *(a_tap(seq, card="x") for seq in seqs)))

    everything = set().union(*batches)
    assert recorded.receipts == ((place.gate, receipt("s1", runs(everything))),)
    assert set(session.scalars(select(Tap.seq))) == everything
    session.rollback()


def test_a_hole_is_told_until_it_is_filled(ingest: Session, place: SmallSchool) -> None:
    holed = record(ingest, sent(place.gate, a_tap(1), a_tap(4)))
    filled = record(ingest, sent(place.gate, a_tap(2), a_tap(3)))

    assert holed.receipts == ((place.gate, Receipt("s1", 1, ((2, 3),))),)
    assert filled.receipts == ((place.gate, Receipt("s1", 4)),)


def test_streams_of_one_device_are_counted_apart(ingest: Session, place: SmallSchool) -> None:
    recorded = record(
        ingest,
        sent(place.gate, a_tap(1), a_tap(2), stream="old"),
        sent(place.gate, a_tap(1), stream="new"),
    )

    assert set(recorded.receipts) == {
        (place.gate, Receipt("old", 2)),
        (place.gate, Receipt("new", 1)),
    }


def test_a_batch_without_taps_asks_for_the_receipt(ingest: Session, place: SmallSchool) -> None:
    record(ingest, sent(place.gate, a_tap(1), a_tap(2)))

    assert record(ingest, sent(place.gate)).receipts == ((place.gate, Receipt("s1", 2)),)


def test_a_tap_that_cannot_be_read_is_kept_apart_and_counts_as_received(
    session: Session, ingest: Session, place: SmallSchool
) -> None:
    bad = RefusedTap(2, "taps[1].clock: expected one of …", {"seq": 2, "clock": "\ud800"})

    recorded = record(ingest, sent(place.gate, a_tap(1), a_tap(3), refused=[bad]))

    assert recorded.receipts == ((place.gate, Receipt("s1", 3)),)
    assert count(session, Tap) == 2
    (kept,) = quarantined(session)
    assert (kept.school_id, kept.device_id) == (place.school.id, place.gate)
    assert kept.reason == "taps[1].clock: expected one of …"
    assert json.loads(kept.payload) == {"stream": "s1", "taps": [{"seq": 2, "clock": "\ud800"}]}


def test_a_tap_without_a_readable_number_leaves_a_hole(
    session: Session, ingest: Session, place: SmallSchool
) -> None:
    bad = RefusedTap(None, "taps[0].seq: expected a whole number, got text", {"seq": "one"})

    recorded = record(ingest, sent(place.gate, a_tap(2), refused=[bad]))

    assert recorded.receipts == ((place.gate, Receipt("s1", 0, ((1, 1),))),)
    assert len(quarantined(session)) == 1


def test_what_is_refused_again_and_again_is_kept_once(
    session: Session, ingest: Session, place: SmallSchool
) -> None:
    batch = sent(place.gate, refused=[RefusedTap(1, "taps[0]: expected an object", 7)])

    for _ in range(3):
        record(ingest, batch)

    assert len(quarantined(session)) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"card": "c2"}, id="another card"),
        pytest.param({"boot": "boot-2"}, id="another boot"),
        pytest.param({"up_ms": 5}, id="another moment"),
    ],
)
def test_a_number_used_twice_keeps_the_second_tap_in_quarantine(
    session: Session, ingest: Session, place: SmallSchool, other: dict[str, Any]
) -> None:
    """As a device does whose outbox was reset to 1 without a new stream."""
    first = a_tap(1)
    record(ingest, sent(place.gate, first))

    again = record(ingest, sent(place.gate, a_tap(1, **other), a_tap(2)))

    assert again.receipts == ((place.gate, Receipt("s1", 2)),)
    stored = session.scalars(select(Tap).where(Tap.seq == 1)).one()
    assert (stored.boot, stored.up_ms, stored.digest.hex()) == (
        first.boot,
        first.up_ms,
        first.card.digest,
    )
    (kept,) = quarantined(session)
    assert kept.reason == "seq reused with other content"
    assert json.loads(kept.payload)["taps"] == [a_tap(1, **other).wire()]


def test_a_number_used_twice_in_one_batch_keeps_the_first(
    session: Session, ingest: Session, place: SmallSchool
) -> None:
    record(ingest, sent(place.gate, a_tap(1, up_ms=7), a_tap(1, up_ms=8)))

    assert session.scalars(select(Tap.up_ms)).one() == 7
    assert len(quarantined(session)) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"clock": "repaired", "at": MORNING + minutes(9)}, id="the clock repaired"),
        pytest.param({"repeat": 3}, id="read more often"),
        pytest.param({"photo": "p1"}, id="a photo added"),
    ],
)
def test_a_tap_that_learnt_more_before_it_was_sent_again_is_the_same(
    session: Session, ingest: Session, place: SmallSchool, change: dict[str, Any]
) -> None:
    record(ingest, sent(place.gate, a_tap(1, clock="unsynced")))

    record(ingest, sent(place.gate, a_tap(1, **change)))

    assert count(session, Tap) == 1
    assert quarantined(session) == []


def test_the_largest_number_of_the_contract_fits(
    session: Session, ingest: Session, place: SmallSchool
) -> None:
    record(ingest, sent(place.gate, a_tap(MAX_SEQ)))

    assert session.scalars(select(Stream.received)).one()[0].upper == MAX_SEQ + 1
