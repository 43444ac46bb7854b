"""Whom the school expects later than the others: not missed with them, but then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from central.models import AbsenceRequest, Student
from central.no_shows.service import run_check
from tests.builders import SCHOOL_DAY, minutes
from tests.central.missing import (
    BELL,
    DUE,
    GRACE,
    OPENED,
    MorningSchool,
    a_morning,
    hear_from,
    lose,
    tap_in,
    tasks,
    the_start,
    told_kinds,
    watch,
)

SessionAs = Callable[..., Session]
OPENED_BEFORE = BELL - timedelta(hours=10)
AT_TEN = BELL + timedelta(hours=2)


@pytest.fixture
def morning(session: Session) -> MorningSchool:
    return a_morning(session)


@pytest.fixture
def ingest(session_as: SessionAs, morning: MorningSchool) -> Session:
    return session_as("ingest", morning.school.id)


def excuse(session: Session, student: Student, kind: str = "late", **changes: object) -> None:
    """An approved request for the day; one to be late is until ten. Commits."""
    values = {
        "school_id": student.school_id,
        "student_id": student.id,
        "from_on": SCHOOL_DAY,
        "until_on": SCHOOL_DAY,
        "kind": kind,
        "comes_at": time(10) if kind == "late" else None,
        "reason": "medical",
        "status": "approved",
        "decided_at": OPENED_BEFORE,
    }
    session.add(AbsenceRequest(**(values | changes)))
    session.commit()


@pytest.mark.parametrize("kind", ["absence", "late"])
def test_whom_the_school_expects_later_or_not_at_all_is_not_missed(
    session: Session, morning: MorningSchool, ingest: Session, session_as: SessionAs, kind: str
) -> None:
    excuse(session, morning.everybody[0], kind)
    tap_in(ingest, morning, morning.everybody[1:], at=BELL - minutes(5))

    scheduler = session_as("scheduler", morning.school.id)
    checked = run_check(scheduler, the_start(scheduler, morning), now=DUE)

    assert checked is not None
    assert (checked.expected, checked.missing) == (9, 0)


def test_who_was_to_come_later_and_does_not_is_missed_then(
    session: Session, session_as: SessionAs, morning: MorningSchool, ingest: Session
) -> None:
    excuse(session, morning.everybody[0])
    excuse(session, morning.everybody[1])
    excuse(session, morning.everybody[2])
    excuse(session, morning.everybody[2], comes_at=time(12), reason="other")  # the later counts
    tap_in(ingest, morning, morning.everybody[3:], at=BELL - minutes(5))
    watch(session_as, morning.school.id, DUE)
    tap_in(ingest, morning, [morning.everybody[1]], at=AT_TEN - minutes(5))
    alive(session, morning, AT_TEN + GRACE)

    watch(session_as, morning.school.id, AT_TEN + GRACE - timedelta(seconds=1))
    before = told_kinds(session).count("absence")
    watch(session_as, morning.school.id, AT_TEN + GRACE)
    watch(session_as, morning.school.id, AT_TEN + GRACE + minutes(1))

    assert before == 0
    assert missed(session) == [(morning.everybody[0].id, "told")]
    assert told_kinds(session).count("absence") == 2  # both guardians, once
    assert tasks(session) == []


def test_a_lateness_announced_when_the_gate_was_out_is_waited_for(
    session: Session, session_as: SessionAs, morning: MorningSchool, ingest: Session
) -> None:
    tap_in(ingest, morning, morning.everybody[1:], at=BELL - minutes(5))
    lose(session, morning.devices[0], at=BELL)
    watch(session_as, morning.school.id, DUE)
    excuse(session, morning.everybody[0])
    hear_from(session, morning.devices[0], at=DUE + minutes(5), since=DUE + minutes(1))
    watch(session_as, morning.school.id, DUE + minutes(5))
    assert missed(session) == [(morning.everybody[0].id, "cleared")]
    alive(session, morning, AT_TEN + GRACE)

    watch(session_as, morning.school.id, AT_TEN + GRACE)

    assert missed(session) == [(morning.everybody[0].id, "told")]
    assert [state for state, _ in tasks(session)] == ["resolved"]


def test_who_was_to_come_later_is_held_too_while_a_gate_is_out_and_the_task_resolves(
    session: Session, session_as: SessionAs, morning: MorningSchool, ingest: Session
) -> None:
    excuse(session, morning.everybody[0])
    tap_in(ingest, morning, morning.everybody[1:], at=BELL - minutes(5))
    watch(session_as, morning.school.id, DUE)
    lose(session, morning.devices[0], at=AT_TEN)
    watch(session_as, morning.school.id, AT_TEN + GRACE)
    assert missed(session) == [(morning.everybody[0].id, "held")]
    tap_in(ingest, morning, morning.everybody[:1], at=AT_TEN, received=AT_TEN + GRACE + minutes(1))
    alive(session, morning, AT_TEN + GRACE + minutes(5))

    watch(session_as, morning.school.id, AT_TEN + GRACE + minutes(5))

    assert missed(session) == [(morning.everybody[0].id, "cleared")]
    assert [state for state, _ in tasks(session)] == ["resolved"]
    assert "absence" not in told_kinds(session)


def alive(session: Session, morning: MorningSchool, at: datetime) -> None:
    """Both gates have reported their health a moment before."""
    for device in morning.devices:
        hear_from(session, device, at=at - timedelta(seconds=20), since=OPENED)


def missed(session: Session) -> list[tuple[int, str]]:
    session.rollback()
    rows = session.execute(text("SELECT student_id, state FROM no_shows ORDER BY student_id"))
    return [(row.student_id, row.state) for row in rows]
