"""Who has not come, whom that is told, and when nobody is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from central.models import AbsenceRequest, AlertPolicy, CalendarException, StudentGuardian, Task
from central.no_shows.service import run_check
from central.no_shows.watch_service import survey
from tests.builders import SCHOOL_DAY, minutes
from tests.central.missing import (
    BELL,
    DUE,
    GRACE,
    MorningSchool,
    a_morning,
    no_show_states,
    tap_in,
    tasks,
    the_start,
    told_kinds,
)

SessionAs = Callable[..., Session]


@pytest.fixture
def morning(session: Session) -> MorningSchool:
    return a_morning(session)


@pytest.fixture
def ingest(session_as: SessionAs, morning: MorningSchool) -> Session:
    return session_as("ingest", morning.school.id)


@pytest.fixture
def scheduler(session_as: SessionAs, morning: MorningSchool) -> Session:
    return session_as("scheduler", morning.school.id)


def test_both_guardians_of_a_missing_student_are_told(
    session: Session, morning: MorningSchool, ingest: Session, scheduler: Session
) -> None:
    tap_in(ingest, morning, morning.everybody[1:], at=BELL - minutes(5))

    checked = run_check(scheduler, the_start(scheduler, morning), now=DUE)
    scheduler.commit()

    assert checked is not None
    assert (checked.expected, checked.missing) == (10, 1)
    assert checked.told.messages == 2
    assert told_kinds(session)[-2:] == ["absence", "absence"]
    assert no_show_states(session) == {"told": 1}
    assert tasks(session) == []


def test_a_start_is_checked_once(
    session: Session, morning: MorningSchool, ingest: Session, scheduler: Session
) -> None:
    tap_in(ingest, morning, morning.everybody[1:], at=BELL - minutes(5))
    start = the_start(scheduler, morning)
    run_check(scheduler, start, now=DUE)
    scheduler.commit()

    again = run_check(scheduler, start, now=DUE + minutes(1))

    assert again is None
    assert told_kinds(session).count("absence") == 2


def test_nobody_is_missed_before_the_grace_is_over(
    morning: MorningSchool, scheduler: Session
) -> None:
    ids = [morning.school.id]

    early = survey(scheduler, ids, now=DUE - timedelta(seconds=1), grace=GRACE)
    in_time = survey(scheduler, ids, now=DUE, grace=GRACE)

    assert list(early.due) == []
    assert [start.begins_at for start in in_time.due] == [BELL]


def test_a_school_may_set_its_own_grace(
    session: Session, morning: MorningSchool, scheduler: Session
) -> None:
    session.get_one(AlertPolicy, morning.school.id).grace_minutes = 5
    session.commit()

    found = survey(scheduler, [morning.school.id], now=BELL + minutes(5), grace=GRACE)

    assert len(found.due) == 1


def test_a_request_that_is_not_approved_excuses_nobody(
    session: Session, morning: MorningSchool, ingest: Session, scheduler: Session
) -> None:
    session.add(
        AbsenceRequest(
            school_id=morning.school.id,
            student_id=morning.everybody[0].id,
            from_on=SCHOOL_DAY,
            until_on=SCHOOL_DAY,
            kind="absence",
            reason="medical",
        )
    )
    session.commit()
    tap_in(ingest, morning, morning.everybody[1:], at=BELL - minutes(5))

    checked = run_check(scheduler, the_start(scheduler, morning), now=DUE)

    assert checked is not None
    assert checked.missing == 1


def test_without_class_nothing_is_due(
    session: Session, morning: MorningSchool, scheduler: Session
) -> None:
    session.add(
        CalendarException(
            school_id=morning.school.id,
            from_on=SCHOOL_DAY,
            until_on=SCHOOL_DAY,
            kind="suspension",
            reason="corte de agua",
        )
    )
    session.commit()

    found = survey(scheduler, [morning.school.id], now=DUE, grace=GRACE)

    assert list(found.due) == []


def test_who_is_not_to_be_told_of_absences_is_not(
    session: Session, morning: MorningSchool, ingest: Session, scheduler: Session
) -> None:
    missing = morning.everybody[0]
    session.execute(
        text("UPDATE student_guardians SET notify_absence = false WHERE student_id = :id"),
        {"id": missing.id},
    )
    session.commit()
    tap_in(ingest, morning, morning.everybody[1:], at=BELL - minutes(5))

    checked = run_check(scheduler, the_start(scheduler, morning), now=DUE)

    assert session.query(StudentGuardian).count() == 20
    assert checked is not None
    assert (checked.told.students, checked.told.messages) == (1, 0)


def test_a_school_that_tells_only_exceptions_tells_no_entry_but_the_absence(
    session: Session, morning: MorningSchool, ingest: Session, scheduler: Session
) -> None:
    policy = session.get_one(AlertPolicy, morning.school.id)
    policy.tell_entries = policy.tell_exits = False
    session.commit()
    tap_in(ingest, morning, morning.everybody[1:], at=BELL - minutes(5))

    run_check(scheduler, the_start(scheduler, morning), now=DUE)
    scheduler.commit()

    assert told_kinds(session) == ["absence", "absence"]


def test_a_school_that_asks_first_tells_nobody_until_a_person_has_said_so(
    session: Session, morning: MorningSchool, scheduler: Session
) -> None:
    session.get_one(AlertPolicy, morning.school.id).ask_first = True
    session.commit()

    checked = run_check(scheduler, the_start(scheduler, morning), now=DUE)
    scheduler.commit()

    assert checked is not None
    assert (checked.told.messages, told_kinds(session)) == (0, [])
    reasons = session.scalars(select(Task.reasons).where(Task.id == checked.task_id)).one()
    assert "asked_first" in {reason["code"] for reason in reasons}


def test_the_number_of_statements_does_not_depend_on_the_students(
    session: Session, session_as: SessionAs
) -> None:
    counts = []
    for size in (8, 60):
        school = a_morning(session, students=size)
        ingest = session_as("ingest", school.school.id)
        tap_in(ingest, school, school.everybody[: size * 4 // 5], at=BELL - minutes(5))
        scheduler = session_as("scheduler", school.school.id)
        start = the_start(scheduler, school)
        scheduler.commit()
        said: list[str] = []
        event.listen(
            scheduler.get_bind(),
            "before_cursor_execute",
            lambda _c, _cur, statement, *_, said=said: said.append(statement),
        )
        run_check(scheduler, start, now=DUE)
        scheduler.commit()
        counts.append(len(said))

    assert counts[0] == counts[1]
    assert counts[0] <= 12
