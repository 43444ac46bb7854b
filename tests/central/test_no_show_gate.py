"""A gate cut off at 7:55: nobody is alarmed, one person is asked, and it resolves itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from central.models import GateCourse
from tests.builders import minutes
from tests.central.missing import (
    BELL,
    DUE,
    MorningSchool,
    a_morning,
    hear_from,
    lose,
    no_show_states,
    tap_in,
    tasks,
    told_kinds,
    watch,
)

SessionAs = Callable[..., Session]
CUT = BELL - minutes(5)


@pytest.fixture
def morning(session: Session) -> MorningSchool:
    """Two courses of 100; the first comes by the north gate, the second by the south gate."""
    morning = a_morning(session, courses=2, students=100)
    session.add_all(
        GateCourse(school_id=morning.school.id, gate_id=gate.id, course_id=course.id)
        for gate, course in zip(morning.gates, morning.courses, strict=True)
    )
    session.commit()
    return morning


def test_a_gate_cut_off_with_200_children_alarms_nobody_and_heals(
    session: Session, session_as: SessionAs
) -> None:
    morning = a_morning(session, courses=5, students=50)
    ingest = session_as("ingest", morning.school.id)
    at_north, elsewhere = morning.everybody[:200], morning.everybody[200:]
    missing = elsewhere[0]
    tap_in(ingest, morning, elsewhere[1:], at=CUT - minutes(10), gate=1)
    lose(session, morning.devices[0], at=CUT)

    for later in range(4):
        watch(session_as, morning.school.id, DUE + later * timedelta(seconds=15))

    assert "absence" not in told_kinds(session)
    assert tasks(session) == [("open", ["many_absent", "gate_offline"] + ["course_empty"] * 4)]
    assert no_show_states(session) == {"held": 201}
    assert outages(session) == [CUT]

    back = DUE + minutes(10)
    hear_from(session, morning.devices[0], at=back, since=back, backlog=200)
    hear_from(session, morning.devices[1], at=back, since=BELL - minutes(60))
    watch(session_as, morning.school.id, back + timedelta(seconds=5))
    assert "absence" not in told_kinds(session)  # it is back, but has not sent what it kept

    tap_in(ingest, morning, at_north, at=CUT + minutes(2), received=back + timedelta(seconds=6))
    hear_from(session, morning.devices[0], at=back + minutes(1), since=back)
    watch(session_as, morning.school.id, back + minutes(1) + timedelta(seconds=5))

    assert [state for state, _ in tasks(session)] == ["resolved"]
    assert told_kinds(session).count("absence") == 2  # of the one who is missing indeed
    assert no_show_states(session) == {"cleared": 200, "told": 1}
    session.rollback()
    told = session.scalars(text("SELECT student_id FROM no_shows WHERE state = 'told'")).all()
    assert told == [missing.id]
    assert outages(session) == []


def outages(session: Session) -> list[object]:
    session.rollback()
    return list(session.scalars(text("SELECT from_at FROM gate_outages ORDER BY id")))


def test_the_other_gates_courses_are_told_as_ever(
    session: Session, session_as: SessionAs, morning: MorningSchool
) -> None:
    ingest = session_as("ingest", morning.school.id)
    north, south = morning.students
    tap_in(ingest, morning, north[:90], at=CUT - minutes(1), gate=0)
    tap_in(ingest, morning, south[:90], at=CUT - minutes(1), gate=1)
    lose(session, morning.devices[0], at=CUT)

    watch(session_as, morning.school.id, DUE)

    assert told_kinds(session).count("absence") == 20
    assert no_show_states(session) == {"held": 10, "told": 10}
    assert tasks(session) == [("open", ["gate_offline"])]


def test_who_was_told_too_soon_of_an_absence_is_told_of_the_arrival_once(
    session: Session, session_as: SessionAs, morning: MorningSchool
) -> None:
    ingest = session_as("ingest", morning.school.id)
    late, *others = morning.everybody
    tap_in(ingest, morning, others, at=CUT, gate=0)
    watch(session_as, morning.school.id, DUE)

    tap_in(ingest, morning, [late], at=DUE + minutes(20))
    tap_in(ingest, morning, [late], at=DUE + minutes(30))
    watch(session_as, morning.school.id, DUE + minutes(31))

    kinds = told_kinds(session)
    assert kinds.count("absence") == 2
    assert kinds.count("arrived_after_alert") == 2
    assert kinds.count("entry") == len(others) + 1  # not of the first entry: that was told already
    row = session.execute(text("SELECT state, resolution, arrived_at FROM no_shows")).one()
    assert row == ("told", "arrived", DUE + minutes(20))


def test_a_tap_that_arrives_hours_later_still_ends_the_alarm(
    session: Session, session_as: SessionAs, morning: MorningSchool
) -> None:
    ingest = session_as("ingest", morning.school.id)
    kept, *others = morning.everybody
    tap_in(ingest, morning, others, at=CUT, gate=1)
    watch(session_as, morning.school.id, DUE)

    noon = DUE + timedelta(hours=5)
    tap_in(ingest, morning, [kept], at=CUT, received=noon)

    assert told_kinds(session).count("arrived_after_alert") == 2
    assert "entry" not in told_kinds(session)[-2:]


def test_a_gate_whose_memory_is_lost_leaves_its_time_in_doubt(
    session: Session, session_as: SessionAs, morning: MorningSchool
) -> None:
    ingest = session_as("ingest", morning.school.id)
    tap_in(ingest, morning, morning.everybody[:180], at=CUT - minutes(1))
    lose(session, morning.devices[0], at=CUT)
    watch(session_as, morning.school.id, DUE)
    back = DUE + minutes(10)
    session.execute(
        text(
            "INSERT INTO streams (school_id, device_id, key, started_at, last_received_at)"
            " VALUES (:school, :device, 's2', :back, :back)"
        ),
        {"school": morning.school.id, "device": morning.devices[0], "back": back},
    )
    hear_from(session, morning.devices[0], at=back + minutes(1), since=back)
    hear_from(session, morning.devices[1], at=back + minutes(1), since=BELL - minutes(60))

    watch(session_as, morning.school.id, back + minutes(1) + timedelta(seconds=5))

    session.rollback()
    kept = session.execute(text("SELECT from_at, until_at FROM gate_outages")).one()
    assert kept == (CUT, back)
