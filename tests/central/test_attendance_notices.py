"""Which passages guardians are told about, and which they are never told about twice."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.devices.models import Device
from central.notifications.models import Notification
from central.people.models import StudentGuardian
from central.schools.models import School
from tests.builders import MORNING, a_guardian, a_student, a_tap, minutes
from tests.central.recording import (
    SessionAs,
    SmallSchool,
    a_small_school,
    record,
    sent,
    the_day,
    told,
)

NOW = MORNING + minutes(60)


def after(number: float) -> datetime:
    return MORNING + minutes(number)


@pytest.fixture
def place(session: Session) -> SmallSchool:
    return a_small_school(session)


@pytest.fixture
def ingest(place: SmallSchool, session_as: SessionAs) -> Session:
    return session_as("ingest", place.school.id)


def test_each_guardian_who_wants_to_know_is_told(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    father = a_guardian(session, place.student)
    a_guardian(session, place.student, told=False)
    session.commit()

    record(ingest, sent(place.gate, a_tap()))

    guardians = session.scalars(select(Notification.guardian_id))
    assert set(guardians) == {place.guardian.id, father.id}


def test_entries_and_exits_are_wished_for_apart(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    session.scalars(select(StudentGuardian)).one().notify_entry = False
    session.commit()

    record(ingest, sent(place.gate, a_tap(1), a_tap(2, at=after(30))), now=NOW)

    assert told(session) == [("exit", after(30))]


@pytest.mark.parametrize(
    ("column", "value"), [("phone", None), ("stopped_at", MORNING - minutes(1))]
)
def test_a_guardian_who_cannot_or_does_not_want_to_be_reached_is_left_alone(
    session: Session, place: SmallSchool, ingest: Session, column: str, value: datetime | None
) -> None:
    setattr(place.guardian, column, value)
    session.commit()

    record(ingest, sent(place.gate, a_tap()))

    assert told(session) == []
    assert the_day(session).status == "present"


def test_a_guardian_of_two_students_is_told_of_each(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    sister = a_student(session, place.course, card="c2")
    session.add(
        StudentGuardian(
            school_id=place.school.id,
            student_id=sister.id,
            guardian_id=place.guardian.id,
            relationship="mother",
            notify_entry=True,
        )
    )
    session.commit()

    record(ingest, sent(place.gate, a_tap(1, card="c1"), a_tap(2, card="c2")))

    students = session.scalars(select(Notification.student_id))
    assert set(students) == {place.student.id, sister.id}


def test_the_gate_of_the_message_is_the_one_tapped_first(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    record(ingest, sent(place.entrance, a_tap()), sent(place.gate, a_tap(at=after(0.5))), now=NOW)

    message = session.scalars(select(Notification)).one()
    assert message.gate_id == _gate_of(session, place.entrance)


def _gate_of(session: Session, device: str) -> int:
    found = session.get(Device, (session.scalars(select(School.id)).one(), device))
    assert found is not None
    return found.gate_id


def test_a_nervous_second_tap_is_told_once_also_when_it_comes_later(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    record(ingest, sent(place.gate, a_tap(1)))
    record(ingest, sent(place.gate, a_tap(2, at=after(0.5))))

    assert told(session) == [("entry", MORNING)]


def test_an_earlier_tap_that_comes_late_changes_the_day_and_repeats_no_message(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    record(ingest, sent(place.gate, a_tap(1, at=after(10))), now=NOW)
    record(ingest, sent(place.entrance, a_tap(1)), now=NOW)

    assert told(session) == [("entry", after(10))]
    assert (the_day(session).first_entry_at, the_day(session).inside) == (MORNING, False)


def test_a_repeat_of_a_tap_whose_passage_was_renumbered_meanwhile_is_not_told_again(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    """Told as the first entry; two earlier taps make it the second; its repeat comes last."""
    record(ingest, sent(place.gate, a_tap(1, at=after(20))), now=NOW)
    record(
        ingest, sent(place.entrance, a_tap(1)), sent(place.exit, a_tap(1, at=after(10))), now=NOW
    )

    record(ingest, sent(place.gate, a_tap(2, at=after(20.5))), now=NOW)

    assert told(session) == [("entry", after(20)), ("exit", after(10))]


def test_a_tap_that_joins_two_passages_is_told_to_nobody(
    session: Session, place: SmallSchool, ingest: Session
) -> None:
    record(ingest, sent(place.gate, a_tap(1), a_tap(3, at=after(1))), now=NOW)

    record(ingest, sent(place.gate, a_tap(2, at=after(0.5))), now=NOW)

    assert told(session) == [("entry", MORNING), ("exit", after(1))]
    assert (the_day(session).passages, the_day(session).inside) == (1, True)
