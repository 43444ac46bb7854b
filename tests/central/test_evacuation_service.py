"""An evacuation as the database keeps it, written by the web's own role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from central.accounts.models import AuditEntry, User
from central.errors import Conflict, NotFound
from central.evacuation import queries, service
from central.evacuation.models import EvacuationMark
from tests.central.evacuations import FullHouse, a_full_house, a_mark
from tests.central.pages import a_member

SessionAs = Callable[..., Session]
NOW = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


@pytest.fixture
def house(session: Session) -> FullHouse:
    return a_full_house(session)


@pytest.fixture
def web(session_as: SessionAs, house: FullHouse) -> Session:
    return session_as("web", house.school.id)


@pytest.fixture
def inspector(session: Session, house: FullHouse) -> User:
    return a_member(session, house.school, role="inspector")


@pytest.fixture
def running(web: Session, house: FullHouse, inspector: User) -> int:
    begun = service.start(web, house.school.id, "drill", inspector.id, house.today, now=NOW)
    web.commit()
    return begun


def states(web: Session, house: FullHouse, evacuation_id: int) -> dict[str, str]:
    people = queries.evacuees(web, house.school.id, evacuation_id)
    return {person.given_names: person.state for person in people}


def test_the_list_is_everybody_inside_and_stays_so_when_a_gate_is_passed(
    web: Session, house: FullHouse, running: int, session: Session
) -> None:
    session.execute(text("UPDATE attendance_days SET inside = NOT inside"))
    session.commit()

    people = queries.evacuees(web, house.school.id, running)

    assert {person.id: person.sure for person in people} == {
        house.inside[0].id: True,
        house.inside[1].id: True,
        house.inside[2].id: False,
    }


def test_one_runs_at_a_time(web: Session, house: FullHouse, running: int, inspector: User) -> None:
    with pytest.raises(Conflict):
        service.start(web, house.school.id, "real", inspector.id, house.today, now=NOW)

    seen = queries.running(web, house.school.id)
    assert seen is not None
    assert (seen.id, seen.kind) == (running, "drill")


def test_the_mark_made_last_wins_in_whatever_order_they_arrive(
    web: Session, house: FullHouse, running: int, inspector: User
) -> None:
    ana = house.inside[0]
    later = service.SentMark(a_mark(ana).key, ana.id, "safe", timedelta(minutes=1))
    earlier = service.SentMark(a_mark(ana).key, ana.id, "missing", timedelta(minutes=4))
    now = NOW + timedelta(minutes=5)

    service.mark(web, house.school.id, running, [later], inspector.id, now=now)
    service.mark(web, house.school.id, running, [earlier], inspector.id, now=now)

    assert states(web, house, running)["Ana"] == "safe"


def test_taking_a_mark_back_is_a_mark_too_and_nothing_is_overwritten(
    web: Session, house: FullHouse, running: int, inspector: User
) -> None:
    ana = house.inside[0]

    for minute, state in enumerate(("missing", "safe", "unmarked")):
        sent = [a_mark(ana, state)]
        at = NOW + timedelta(minutes=minute)
        service.mark(web, house.school.id, running, sent, inspector.id, now=at)

    assert states(web, house, running)["Ana"] == "unmarked"
    said = web.scalars(select(EvacuationMark.state).order_by(EvacuationMark.id)).all()
    assert said == ["missing", "safe", "unmarked"]


def test_a_mark_sent_again_is_kept_once(
    web: Session, house: FullHouse, running: int, inspector: User
) -> None:
    sent = [a_mark(house.inside[0]), a_mark(house.inside[1], "missing")]

    for minute in range(3):
        at = NOW + timedelta(minutes=minute)
        taken = service.mark(web, house.school.id, running, sent, inspector.id, now=at)
        assert list(taken.kept) == [mark.key for mark in sent]

    assert web.scalar(text("SELECT count(*) FROM evacuation_marks")) == 2


def test_somebody_not_on_the_list_is_refused_until_added(
    web: Session, house: FullHouse, running: int, inspector: User
) -> None:
    sent = a_mark(house.gone)

    before = service.mark(web, house.school.id, running, [sent], inspector.id, now=NOW)
    service.add_student(web, house.school.id, running, house.gone.id, inspector.id)
    service.add_student(web, house.school.id, running, house.gone.id, inspector.id)
    after = service.mark(web, house.school.id, running, [sent], inspector.id, now=NOW)

    assert (list(before.refused), list(after.kept)) == ([sent.key], [sent.key])
    assert states(web, house, running)["Diego"] == "safe"


def test_after_the_end_only_what_was_marked_before_it_is_taken(
    web: Session, house: FullHouse, running: int, inspector: User
) -> None:
    end = NOW + timedelta(minutes=8)
    service.end(web, house.school.id, running, inspector.id, "Todo bien", now=end)
    ana, benja = house.inside[:2]
    queued = service.SentMark(a_mark(ana).key, ana.id, "safe", timedelta(minutes=5))
    fresh = a_mark(benja)

    taken = service.mark(
        web,
        house.school.id,
        running,
        [queued, fresh],
        inspector.id,
        now=end + timedelta(minutes=2),
    )

    assert (list(taken.kept), list(taken.refused)) == ([queued.key], [fresh.key])
    with pytest.raises(Conflict):
        service.end(web, house.school.id, running, inspector.id, "", now=end)
    with pytest.raises(Conflict):
        service.add_student(web, house.school.id, running, house.gone.id, inspector.id)


def test_courses_are_given_to_staff_and_taken_back(
    web: Session, house: FullHouse, running: int, inspector: User, session: Session
) -> None:
    teacher = a_member(session, house.school, role="teacher")
    course = house.courses[0].id

    def looks_after() -> list[str | None]:
        people = queries.evacuees(web, house.school.id, running)
        courses = queries.by_course(web, house.school.id, running, people)
        return [one.staff for one in courses]

    service.assign(web, house.school.id, running, course, teacher.id, inspector.id)
    given = looks_after()
    service.assign(web, house.school.id, running, course, inspector.id, inspector.id)
    passed_on = looks_after()
    service.assign(web, house.school.id, running, course, None, inspector.id)

    assert given == [teacher.full_name, None]
    assert passed_on == [inspector.full_name, None]
    assert looks_after() == [None, None]


def test_the_report_knows_who_marked_and_when_all_were_safe(
    web: Session, house: FullHouse, running: int, inspector: User
) -> None:
    for minute, student in enumerate(house.inside, start=1):
        assert queries.all_safe_at(web, house.school.id, running) is None
        at = NOW + timedelta(minutes=minute)
        service.mark(web, house.school.id, running, [a_mark(student)], inspector.id, now=at)

    assert queries.all_safe_at(web, house.school.id, running) == NOW + timedelta(minutes=3)
    assert queries.markers(web, house.school.id, running) == [
        queries.Marker(
            inspector.full_name, 3, NOW + timedelta(minutes=1), NOW + timedelta(minutes=3)
        )
    ]


def test_everything_but_the_marks_themselves_is_in_the_audit_log(
    web: Session, house: FullHouse, running: int, inspector: User
) -> None:
    service.assign(web, house.school.id, running, house.courses[0].id, inspector.id, inspector.id)
    service.add_student(web, house.school.id, running, house.gone.id, inspector.id)
    service.end(web, house.school.id, running, inspector.id, "", now=NOW)

    entries = web.execute(select(AuditEntry.action, AuditEntry.subject).order_by(AuditEntry.id))
    assert [tuple(entry) for entry in entries] == [
        (action, f"evacuation:{running}")
        for action in (
            "evacuation_started",
            "evacuation_staff_assigned",
            "evacuation_student_added",
            "evacuation_ended",
        )
    ]


def test_another_schools_evacuation_cannot_be_reached(
    session_as: SessionAs, session: Session, house: FullHouse, running: int, inspector: User
) -> None:
    other = a_full_house(session)
    neighbour = session_as("web", other.school.id)

    with pytest.raises(NotFound):
        queries.one_evacuation(neighbour, house.school.id, running)
    with pytest.raises(NotFound):
        service.mark(
            neighbour, other.school.id, running, [a_mark(house.inside[0])], inspector.id, now=NOW
        )


def test_nobody_may_change_or_remove_a_mark(database: Engine, web: Session) -> None:
    for statement in ("UPDATE evacuation_marks SET state = 'safe'", "DELETE FROM evacuation_marks"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            web.execute(text(statement))
        web.rollback()
