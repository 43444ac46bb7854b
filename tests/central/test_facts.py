"""What is loaded to conclude a day: of the right student, course, school and date, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from central.absences.models import AbsenceRequest
from central.attendance import facts
from central.attendance.models import DayClosing
from central.attendance.rules import DayFacts, Schedule
from central.attendance.service import SentTaps, record_taps
from central.calendar.models import CalendarException
from central.calendar.rules import NoClass, moment
from central.devices.models import Gate, GateCourse, GateOutage
from central.models import DayCorrection
from central.people.models import Course, Enrolment, Student
from central.schools.models import School
from contracts.messages import TapBatch
from tests.builders import (
    MORNING,
    SCHOOL_DAY,
    a_course,
    a_device,
    a_gate,
    a_school,
    a_student,
    a_tap,
    a_user,
    minutes,
)

SANTIAGO = ZoneInfo("America/Santiago")
PUNTA_ARENAS = ZoneInfo("America/Punta_Arenas")
NEXT_DAY = SCHOOL_DAY + timedelta(days=1)
BELL = moment(SCHOOL_DAY, time(8), SANTIAGO)
USUAL = Schedule(BELL, moment(SCHOOL_DAY, time(15, 30), SANTIAGO), minutes(5))


@dataclass
class Place:
    school: School
    course: Course
    student: Student
    gate: Gate
    device: str
    author: int


@pytest.fixture
def place(session: Session) -> Place:
    school = a_school(session)
    course = a_course(session, school)
    student = a_student(session, course, card="c1")
    gate = a_gate(session, school)
    device = a_device(session, gate)
    author = a_user(session).id
    session.commit()
    return Place(school, course, student, gate, device.id, author)


def load(session: Session, place: Place, on: date = SCHOOL_DAY) -> DayFacts:
    """The facts of the one student's day, as the only ones asked for."""
    day = (place.school.id, place.student.id, on)
    [(found, known)] = facts.load(session, [day], {place.school.id: SANTIAGO})
    assert found == day
    return known


def tapped(session: Session, place: Place, *taps: Any) -> None:
    newest = max(tap.at for tap in taps)
    record_taps(session, [SentTaps(place.device, TapBatch("s1", taps))], now=newest)
    session.commit()


def add(session: Session, place: Place, model: Callable[..., Any], **values: Any) -> Any:
    row = model(school_id=place.school.id, **values)
    session.add(row)
    session.flush()
    return row


def test_a_usual_day_is_its_hours_and_its_taps_alone(session: Session, place: Place) -> None:
    tapped(
        session,
        place,
        a_tap(1),
        a_tap(2, at=MORNING + timedelta(days=1)),
        a_tap(3, card="of nobody"),
    )

    known = load(session, place)

    assert known.expected == USUAL
    assert [tap.seq for tap in known.taps] == [1]
    assert (known.excused, known.corrections, known.closed) == (frozenset(), (), False)
    assert known.data_ok


def test_midnight_at_the_school_parts_the_days(session: Session, place: Place) -> None:
    last = moment(SCHOOL_DAY, time(23, 59), SANTIAGO)
    tapped(session, place, a_tap(1, at=last), a_tap(2, at=last + minutes(2)))

    assert [tap.seq for tap in load(session, place).taps] == [1]
    assert [tap.seq for tap in load(session, place, NEXT_DAY).taps] == [2]


def test_the_hours_are_those_of_the_schools_own_clock(session: Session, place: Place) -> None:
    winter = date(2026, 6, 3)  # an hour apart in winter
    day = (place.school.id, place.student.id, winter)

    [(_, there)] = facts.load(session, [day], {place.school.id: PUNTA_ARENAS})

    santiago = load(session, place, winter).expected
    assert isinstance(santiago, Schedule)
    assert isinstance(there.expected, Schedule)
    assert santiago.begins_at - there.expected.begins_at == timedelta(hours=1)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        pytest.param(date(2026, 3, 3), NoClass("not_enrolled"), id="before coming"),
        pytest.param(SCHOOL_DAY, USUAL, id="the first course"),
        pytest.param(NEXT_DAY, NoClass("weekday"), id="a course that never comes"),
        pytest.param(date(2026, 3, 9), NoClass("not_enrolled"), id="after leaving"),
    ],
)
def test_a_date_belongs_to_the_course_of_then(
    session: Session, place: Place, on: date, expected: Any
) -> None:
    enrolment = session.query(Enrolment).one()
    enrolment.from_on = enrolment.until_on = SCHOOL_DAY
    session.flush()
    other = a_course(session, place.school, starts_at=None)
    add(
        session,
        place,
        Enrolment,
        student_id=place.student.id,
        course_id=other.id,
        from_on=NEXT_DAY,
        until_on=date(2026, 3, 6),
    )

    assert load(session, place, on).expected == expected


@pytest.mark.parametrize(
    ("changes", "excused"),
    [
        ({}, {"absence"}),
        ({"kind": "late", "comes_at": time(10)}, {"late"}),
        ({"status": "pending"}, set()),
        ({"status": "rejected"}, set()),
        ({"until_on": SCHOOL_DAY - timedelta(days=1)}, set()),
        ({"from_on": NEXT_DAY, "until_on": NEXT_DAY}, set()),
    ],
)
def test_only_what_is_approved_for_the_date_excuses(
    session: Session, place: Place, changes: dict[str, Any], excused: set[str]
) -> None:
    values = {
        "student_id": place.student.id,
        "from_on": SCHOOL_DAY - timedelta(days=2),
        "until_on": SCHOOL_DAY,
        "kind": "absence",
        "reason": "illness",
        "status": "approved",
        "decided_at": MORNING,
    }
    add(session, place, AbsenceRequest, **(values | changes))

    assert load(session, place).excused == excused


@pytest.mark.parametrize(
    ("state", "on", "counts"),
    [
        ("applied", SCHOOL_DAY, True),
        ("approved", SCHOOL_DAY, True),
        ("proposed", SCHOOL_DAY, False),
        ("rejected", SCHOOL_DAY, False),
        ("applied", NEXT_DAY, False),
    ],
)
def test_only_corrections_in_force_count(
    session: Session, place: Place, state: str, on: date, counts: bool
) -> None:
    decided = state in ("approved", "rejected")
    add(
        session,
        place,
        DayCorrection,
        student_id=place.student.id,
        on_date=on,
        kind="set_status",
        status="present",
        reason="x",
        author_id=place.author,
        state=state,
        decided_at=MORNING if decided else None,
        decided_by=a_user(session).id if decided else None,
    )

    assert bool(load(session, place).corrections) is counts


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        ({"kind": "holiday"}, NoClass("holiday")),
        ({"kind": "holiday", "cancelled_at": MORNING}, USUAL),
        ({"kind": "holiday", "from_on": NEXT_DAY, "until_on": NEXT_DAY}, USUAL),
        ({"kind": "no_class", "of": "another course"}, USUAL),
        ({"kind": "no_class", "of": "the course"}, NoClass("no_class")),
        (
            {"kind": "early_leave", "ends_at": time(12)},
            USUAL._replace(ends_at=moment(SCHOOL_DAY, time(12), SANTIAGO)),
        ),
    ],
)
def test_the_exceptions_in_force_decide_the_hours(
    session: Session, place: Place, exception: dict[str, Any], expected: Any
) -> None:
    scopes: dict[object, int | None] = {
        "the course": place.course.id,
        "another course": a_course(session, place.school).id,
        None: None,
    }
    values = {"from_on": SCHOOL_DAY, "until_on": SCHOOL_DAY, "reason": "x"} | exception
    add(session, place, CalendarException, course_id=scopes[values.pop("of", None)], **values)

    assert load(session, place).expected == expected


@pytest.mark.parametrize(
    ("gate", "from_minutes", "until_minutes", "sure"),
    [
        pytest.param("the course's", -10, 10, False, id="over the bell"),
        pytest.param("the course's", 0, None, False, id="not over yet"),
        pytest.param("the course's", -300, -200, True, id="over before anybody comes"),
        pytest.param("the course's", 300, 400, True, id="after everybody has come"),
        pytest.param("another", -10, 10, True, id="of a gate that serves others"),
    ],
)
def test_an_outage_makes_a_closed_day_doubtful(
    session: Session,
    place: Place,
    gate: str,
    from_minutes: int,
    until_minutes: int | None,
    sure: bool,
) -> None:
    add(session, place, DayClosing, on_date=SCHOOL_DAY)
    add(session, place, GateCourse, gate_id=place.gate.id, course_id=place.course.id)
    other = a_gate(session, place.school)
    add(
        session,
        place,
        GateOutage,
        gate_id=place.gate.id if gate == "the course's" else other.id,
        from_at=BELL + minutes(from_minutes),
        until_at=None if until_minutes is None else BELL + minutes(until_minutes),
    )

    known = load(session, place)

    assert (known.closed, known.data_ok) == (True, sure)


def test_a_course_without_a_gate_of_its_own_is_served_by_all(
    session: Session, place: Place
) -> None:
    add(session, place, DayClosing, on_date=SCHOOL_DAY)
    other = a_gate(session, place.school)
    add(session, place, GateOutage, gate_id=other.id, from_at=BELL)

    assert load(session, place).data_ok is False


def test_another_schools_facts_are_not_taken_for_ours(session: Session, place: Place) -> None:
    other = a_school(session)
    closing = DayClosing(school_id=other.id, on_date=SCHOOL_DAY)
    holiday = CalendarException(
        school_id=other.id, from_on=SCHOOL_DAY, until_on=SCHOOL_DAY, kind="holiday", reason="x"
    )
    session.add_all([closing, holiday])
    session.flush()

    known = load(session, place)

    assert (known.expected, known.closed) == (USUAL, False)


def test_a_thousand_days_take_the_statements_of_one(session: Session, place: Place) -> None:
    def statements(days: Iterable[date]) -> int:
        seen: list[str] = []
        engine = session.get_bind()
        listener = lambda *args: seen.append(args[2])  # noqa: E731  (to be removed by name)
        event.listen(engine, "before_cursor_execute", listener)
        try:
            touched = [(place.school.id, place.student.id, day) for day in days]
            loaded = list(facts.load(session, touched, {place.school.id: SANTIAGO}))
        finally:
            event.remove(engine, "before_cursor_execute", listener)
        assert [day for day, _ in loaded] == sorted(touched)
        return len(seen)

    add(session, place, DayClosing, on_date=SCHOOL_DAY)
    many = [SCHOOL_DAY + timedelta(days=number) for number in range(1000)]

    assert statements(many) == statements([SCHOOL_DAY])
