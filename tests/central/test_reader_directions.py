"""A reader at a passage of one direction: what it says of the tap decides, and is the reason."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.attendance.models import Tap
from central.attendance.passage_rules import DayTap, passages
from tests.builders import MORNING, a_tap, minutes
from tests.central.recording import SessionAs, a_small_school, record, sent, the_day


def test_out_by_a_reader_of_the_exit_is_an_exit_even_as_the_first_of_the_day(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)

    record(session_as("ingest", place.school.id), sent(place.gate, a_tap(direction="out")))

    day = the_day(session)
    assert (day.first_entry_at, day.last_exit_at, day.inside) == (None, MORNING, False)


def test_in_twice_by_the_entrance_is_two_entries_whatever_happened_in_between(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)
    taps = [a_tap(1, direction="in"), a_tap(2, at=MORNING + minutes(60), direction="in")]

    record(session_as("ingest", place.school.id), sent(place.gate, *taps))

    day = the_day(session)
    assert (day.passages, day.inside) == (2, True)


@pytest.mark.parametrize(("sender", "stored"), [("gate", "auto"), ("exit", "out")])
def test_where_the_reader_says_nothing_the_device_does(
    session: Session, session_as: SessionAs, sender: str, stored: str
) -> None:
    place = a_small_school(session)

    record(session_as("ingest", place.school.id), sent(getattr(place, sender), a_tap()))

    assert session.scalars(select(Tap.direction)).one() == stored


def test_the_reader_knows_better_than_the_device(session: Session, session_as: SessionAs) -> None:
    place = a_small_school(session)

    record(session_as("ingest", place.school.id), sent(place.exit, a_tap(direction="in")))

    (tap,) = session.scalars(select(Tap)).all()
    (passage,) = passages([DayTap(tap.tapped_at, tap.direction, tap.gate_id)])
    assert (passage.kind, passage.reason) == ("entry", "gate")
