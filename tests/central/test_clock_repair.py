"""Taps of a clock that nobody had set get their time from an anchor, whichever comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.attendance.service import record_taps
from central.models import AttendanceDay, Card, ClockAnchor, Tap
from contracts.messages import Anchor, TapRead
from tests.builders import MORNING, SCHOOL_DAY, a_digest, a_student, a_tap, minutes
from tests.central.recording import SessionAs, a_small_school, count, record, sent, the_day, told

BOOT = "boot-1"
BOOTED = MORNING - minutes(30)
YEARS_AGO = datetime(2020, 1, 1, 12, tzinfo=UTC)
NOW = MORNING + minutes(5)


def anchor_of(booted: datetime, *, taken_after: timedelta = timedelta(hours=1)) -> Anchor:
    """Says that the boot was at ``booted``."""
    return Anchor(BOOT, round(booted.timestamp() * 1000), booted + taken_after)


ANCHOR = anchor_of(BOOTED)


def unsynced(seq: int, *, card: str = "c1", at: datetime = MORNING) -> TapRead:
    """A tap that was at ``at`` and whose device took that for a moment of 2020."""
    up = at - BOOTED
    return a_tap(
        seq,
        card=card,
        at=YEARS_AGO + up,
        clock="unsynced",
        boot=BOOT,
        up_ms=round(up.total_seconds() * 1000),
    )


def anchored(ingest: Session, device: str, *anchors: Anchor) -> None:
    record_taps(ingest, [], [(device, anchor) for anchor in anchors], now=NOW)
    ingest.commit()


def test_an_anchor_gives_a_stored_tap_its_time_and_keeps_what_was_said(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)
    ingest = session_as("ingest", place.school.id)
    record(ingest, sent(place.gate, unsynced(1)), now=NOW)
    assert session.scalars(select(AttendanceDay.on_date)).all() == [date(2020, 1, 1)]

    anchored(ingest, place.gate, ANCHOR)

    tap = session.scalars(select(Tap).execution_options(populate_existing=True)).one()
    assert (tap.tapped_at, tap.on_date, tap.clock) == (MORNING, SCHOOL_DAY, "repaired")
    assert (tap.told_at, tap.told_clock) == (YEARS_AGO + minutes(30), "unsynced")
    day = the_day(session)
    assert (day.on_date, day.first_entry_at) == (SCHOOL_DAY, MORNING)


def test_guardians_are_told_once_the_time_is_known_and_only_then(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)
    ingest = session_as("ingest", place.school.id)
    record(ingest, sent(place.gate, unsynced(1)), now=NOW)
    assert told(session) == []

    anchored(ingest, place.gate, ANCHOR)
    anchored(ingest, place.gate, anchor_of(BOOTED, taken_after=timedelta(hours=2)))
    anchored(ingest, place.gate, anchor_of(BOOTED - minutes(1), taken_after=timedelta(hours=3)))

    assert told(session) == [("entry", MORNING)]


def test_taps_of_another_boot_another_device_or_a_known_time_stay_as_they_are(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)
    ingest = session_as("ingest", place.school.id)
    record(
        ingest,
        sent(
            place.gate,
            replace(unsynced(1), boot="boot-0"),
            a_tap(2, boot=BOOT, up_ms=1_800_000 + 7),
        ),
        sent(place.exit, unsynced(1)),
        now=NOW,
    )

    anchored(ingest, place.gate, ANCHOR)

    assert session.scalars(select(Tap.told_clock)).all() == [None, None, None]


def test_a_card_revoked_since_counts_once_the_time_shows_that_it_was_before(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)
    session.scalars(select(Card)).one().revoked_at = MORNING + minutes(1)
    session.commit()
    ingest = session_as("ingest", place.school.id)
    record(ingest, sent(place.gate, unsynced(1), unsynced(2, at=MORNING + minutes(2))), now=NOW)
    assert session.scalars(select(Tap.student_id)).all() == [None, None]

    anchored(ingest, place.gate, ANCHOR)

    taps = session.scalars(select(Tap.student_id).order_by(Tap.seq)).all()
    assert taps == [place.student.id, None]


@pytest.mark.parametrize(
    "anchor",
    [
        Anchor(BOOT, 2**62, MORNING),
        Anchor(BOOT, round(MORNING.timestamp() * 1000) + 60_000, MORNING),  # taken before its boot
        Anchor(BOOT, 0, MORNING),  # a boot of fifty years
    ],
)
def test_an_anchor_that_cannot_be_true_is_not_kept(
    session: Session, session_as: SessionAs, anchor: Anchor
) -> None:
    place = a_small_school(session)
    ingest = session_as("ingest", place.school.id)

    record(ingest, sent(place.gate, unsynced(1)), now=NOW)
    anchored(ingest, place.gate, anchor)

    assert count(session, ClockAnchor) == 0


def test_a_tap_that_claims_an_endless_boot_harms_nothing(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)
    ingest = session_as("ingest", place.school.id)
    anchored(ingest, place.gate, ANCHOR)

    record(ingest, sent(place.gate, replace(unsynced(1), up_ms=2**63 - 1)), now=NOW)

    assert session.scalars(select(Tap.clock)).one() == "unsynced"


def test_a_school_s_anchor_cannot_reach_another_s_taps(
    session: Session, session_as: SessionAs
) -> None:
    place, other = a_small_school(session), a_small_school(session)
    record(session_as("ingest", place.school.id), sent(place.gate, unsynced(1)), now=NOW)

    anchored(session_as("ingest", other.school.id), place.gate, ANCHOR)

    assert count(session, ClockAnchor) == 0
    assert session.scalars(select(Tap.clock)).one() == "unsynced"


Step = TapRead | Anchor
CARDS = ("c1", "c2", "c3")
BOOTS_AT = (BOOTED, BOOTED - minutes(1), BOOTED + timedelta(days=365))


_boots = st.lists(st.sampled_from(BOOTS_AT), max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Taps before the time was known, some sent again as repaired, and every anchor of the boot."""
    anchors = [
        anchor_of(booted, taken_after=timedelta(hours=1 + number))
        for number, booted in enumerate(draw(_boots))
    ]
    steps: list[Step] = [*anchors]
    offsets = draw(st.lists(st.integers(-20 * 60, 9 * 3600), min_size=1, max_size=6))
    for seq, seconds in enumerate(offsets, start=1):
        at = MORNING + timedelta(seconds=seconds)
        tap = unsynced(seq, card=draw(st.sampled_from(CARDS)), at=at)
        steps.append(tap)
        if draw(st.booleans()) and anchors:
            guess = BOOTS_AT[0] + timedelta(milliseconds=tap.up_ms)
            steps.append(replace(tap, at=guess, clock="repaired"))
    return steps


class Trial:
    def __init__(self, owner: Session, session_as: SessionAs) -> None:
        self.owner = owner
        self.place = a_small_school(owner)
        a_student(owner, self.place.course, card="c2")
        lost = a_student(owner, self.place.course, card="c3")
        card = owner.scalars(select(Card).where(Card.student_id == lost.id)).one()
        assert card.digest == a_digest("c3")
        card.revoked_at = MORNING + minutes(90)
        owner.commit()
        self.ingest = session_as("ingest", self.place.school.id)

    def run(self, steps: Sequence[Sequence[Step]]) -> list[str]:
        for table in ("notifications", "attendance_days", "taps", "streams", "clock_anchors"):
            self.owner.execute(text(f"DELETE FROM {table}"))
        self.owner.commit()
        for batch in steps:
            taps = [step for step in batch if isinstance(step, TapRead)]
            anchors = [(self.place.gate, step) for step in batch if isinstance(step, Anchor)]
            messages = [sent(self.place.gate, *taps)] if taps else []
            record_taps(self.ingest, messages, anchors, now=NOW)
            self.ingest.commit()
        return self._outcome()

    def _outcome(self) -> list[str]:
        with self.owner.begin():
            return [
                *self.owner.scalars(
                    text(
                        "SELECT ROW(seq, student_id, tapped_at, on_date, clock)::text"
                        " FROM taps ORDER BY seq"
                    )
                ),
                *self.owner.scalars(
                    text("SELECT d::text FROM attendance_days d ORDER BY student_id, on_date")
                ),
            ]


@pytest.fixture
def trial(session: Session, session_as: SessionAs) -> Trial:
    return Trial(session, session_as)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), steps=histories())
def test_the_outcome_does_not_depend_on_the_order_of_taps_and_anchors(
    trial: Trial, data: st.DataObject, steps: list[Step]
) -> None:
    firsts = [step for step in steps if not isinstance(step, TapRead) or step.clock == "unsynced"]
    expected = trial.run([firsts])

    shuffled = data.draw(st.permutations(steps))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(shuffled)), max_size=4)))
    edges = [0, *cuts, len(shuffled)]
    batches = [shuffled[a:b] for a, b in pairwise(edges)]

    assert trial.run([batch for batch in batches if batch]) == expected
