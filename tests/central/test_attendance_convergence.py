"""Taps arrive late, reordered, split and repeated; what is concluded must not depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance.service import SentTaps
from contracts.messages import TapBatch
from tests.builders import MORNING, a_device, a_gate, a_guardian, a_student, a_tap, minutes
from tests.central.recording import SessionAs, a_small_school, record

NOW = MORNING + minutes(60)  # all of it is news
CARDS = ("c1", "c2", "c3", "c4", "c5", "c6", "stranger")
DIRECTIONS = ("in", "out", "auto", "auto")  # of the four devices that send
GAPS = (0, 30, 45, 46, 600)  # seconds: around the limit of a repeat, and far apart
CLOCKS = ("synced", "synced", "repaired", "unsynced")

# Each example runs its batches on a real server, so there is no deadline. Several students at once
# make every example many: the days of one do not touch those of another.
on_a_server = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Arrival:
    """A tap on its way: which sender's, and what it says."""

    sender: int
    seq: int
    seconds: int
    card: str
    clock: str


Batch = list[Arrival]


_taps = st.tuples(
    st.sampled_from(GAPS), st.sampled_from([0, 1, 2, 2, 2, 3]), st.sampled_from(CLOCKS)
)


@st.composite
def mornings(draw: st.DrawFn) -> list[Arrival]:
    """What each card does, in the order in which it happened."""
    arrivals = []
    for card in CARDS:
        seconds = 0
        for gap, sender, clock in draw(st.lists(_taps, max_size=6)):
            seconds += gap
            arrivals.append(Arrival(sender, 0, seconds, card, clock))
    sequence = [0] * len(DIRECTIONS)
    numbered = []
    for arrival in sorted(arrivals, key=_in_order):
        sequence[arrival.sender] += 1
        numbered.append(replace(arrival, seq=sequence[arrival.sender]))
    return numbered


def _in_order(arrival: Arrival) -> tuple[int, str, int, str]:
    """As the rules order a day; the gates were made in the order of the senders."""
    return arrival.seconds, DIRECTIONS[arrival.sender], arrival.sender, arrival.clock


@st.composite
def splits(draw: st.DrawFn, arrivals: Sequence[Arrival]) -> list[Batch]:
    """The same, cut into batches, some of which are sent again later."""
    cuts = draw(st.sets(st.integers(1, max(1, len(arrivals) - 1))))
    edges = [0, *sorted(cuts), len(arrivals)]
    batches: list[Batch] = []
    for first, last in pairwise(edges):
        batches.append(list(arrivals[first:last]))
        batches += draw(st.lists(st.sampled_from(batches), max_size=2))
    return [batch for batch in batches if batch]


class Trial:
    """One school whose records are thrown away between two runs of the same morning."""

    def __init__(self, owner: Session, session_as: SessionAs) -> None:
        self.owner = owner
        self.place = a_small_school(owner)
        for card in CARDS[1:-1]:
            a_guardian(owner, a_student(owner, self.place.course, card=card))
        second = a_device(owner, a_gate(owner, self.place.school)).id
        owner.commit()
        self.senders = (self.place.entrance, self.place.exit, self.place.gate, second)
        self.ingest = session_as("ingest", self.place.school.id)

    def run(self, batches: Sequence[Batch]) -> None:
        """Forget everything, then record ``batches`` one after the other."""
        for table in ("notifications", "attendance_days", "taps", "streams"):
            self.owner.execute(text(f"DELETE FROM {table}"))
        self.owner.commit()
        for batch in batches:
            record(self.ingest, *self._sent(batch), now=NOW)

    def _sent(self, batch: Batch) -> list[SentTaps]:
        return [
            SentTaps(
                self.senders[sender],
                TapBatch(
                    f"s{sender}",
                    tuple(
                        a_tap(
                            one.seq,
                            card=one.card,
                            at=MORNING + timedelta(seconds=one.seconds),
                            clock=one.clock,
                        )
                        for one in arrivals
                    ),
                ),
            )
            for sender, arrivals in groupby(batch, key=lambda one: one.sender)
        ]

    def days(self) -> list[str]:
        """The rows as PostgreSQL prints them."""
        return self._rows("SELECT d::text FROM attendance_days d ORDER BY student_id, on_date")

    def marks(self) -> list[str]:
        return self._rows("SELECT device_id || received::text FROM streams ORDER BY device_id")

    def messages(self) -> list[str]:
        """Without their ids and when they were written."""
        columns = "school_id, student_id, guardian_id, kind, on_date, ordinal, fact_at, gate_id"
        return self._rows(
            f"SELECT ROW({columns}, status, due_at)::text FROM notifications ORDER BY 1"
        )

    def facts_told(self) -> list[str]:
        return self._rows(
            "SELECT ROW(guardian_id, student_id, kind, fact_at)::text FROM notifications"
        )

    def _rows(self, query: str) -> list[str]:
        with self.owner.begin():
            return list(self.owner.scalars(text(query)))


@pytest.fixture
def trial(session: Session, session_as: SessionAs) -> Trial:
    return Trial(session, session_as)


@on_a_server
@given(data=st.data(), arrivals=mornings())
def test_any_order_any_split_any_repetition_gives_the_same_days(
    trial: Trial, data: st.DataObject, arrivals: list[Arrival]
) -> None:
    trial.run([arrivals])
    days, marks = trial.days(), trial.marks()

    trial.run(data.draw(splits(data.draw(st.permutations(arrivals)))))

    assert (trial.days(), trial.marks()) == (days, marks)


@on_a_server
@given(data=st.data(), arrivals=mornings())
def test_in_order_any_split_any_repetition_gives_the_same_messages(
    trial: Trial, data: st.DataObject, arrivals: list[Arrival]
) -> None:
    trial.run([arrivals])
    messages = trial.messages()

    trial.run(data.draw(splits(arrivals)))

    assert trial.messages() == messages


@on_a_server
@given(data=st.data(), arrivals=mornings())
def test_in_any_order_nobody_is_told_one_fact_twice(
    trial: Trial, data: st.DataObject, arrivals: list[Arrival]
) -> None:
    trial.run(data.draw(splits(data.draw(st.permutations(arrivals)))))

    facts = trial.facts_told()
    assert len(facts) == len(set(facts))
