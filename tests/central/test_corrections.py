"""Corrections are signed rows of their own; those of a closed day need a second person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from central.attendance.corrections_queries import DayOf, corrections_after
from central.attendance.corrections_rules import Verdict
from central.attendance.corrections_service import (
    NamedTap,
    StatusChange,
    decide_correction,
    ignore_tap,
    restore_tap,
    set_status,
)
from central.attendance.models import DayCorrection, Tap
from central.errors import Conflict, NotAllowed, NotFound
from tests.builders import (
    MORNING,
    SCHOOL_DAY,
    a_course,
    a_device,
    a_gate,
    a_school,
    a_student,
    a_tap,
    minutes,
)
from tests.central.desk import (
    Desk,
    SessionAs,
    a_desk,
    actions,
    close_day,
    day_of,
    rows_of,
    status_on,
    tasks,
)
from tests.central.recording import record, sent


@pytest.fixture
def desk(session: Session, session_as: SessionAs) -> Desk:
    return a_desk(session, session_as)


@pytest.fixture
def tap(session: Session, session_as: SessionAs, desk: Desk) -> Tap:
    """The student's card at the gate, 30 minutes late."""
    device = a_device(session, a_gate(session, desk.school))
    session.commit()
    late = a_tap(card="c1", at=MORNING + minutes(40))
    record(session_as("ingest", desk.id), sent(device.id, late), now=MORNING + minutes(41))
    return session.scalars(select(Tap)).one()


def correct(desk: Desk, status: str = "present", **changes: object) -> DayCorrection:
    values = {
        "student_id": desk.student.id,
        "on_date": SCHOOL_DAY,
        "status": status,
        "reason": "Estaba en la biblioteca",
    }
    change = StatusChange(**(values | changes))  # type: ignore[arg-type]  # by name
    made = set_status(
        desk.web, desk.id, change, desk.inspector.id, now=MORNING + timedelta(hours=5)
    )
    desk.web.commit()
    return made


def leave_out(desk: Desk, tap: Tap, **changes: object) -> DayCorrection:
    return say(ignore_tap, desk, tap, **changes)


def restore(desk: Desk, tap: Tap) -> DayCorrection:
    return say(restore_tap, desk, tap)


def say(
    how: Callable[..., DayCorrection], desk: Desk, tap: Tap, **changes: object
) -> DayCorrection:
    values = {
        "student_id": desk.student.id,
        "on_date": SCHOOL_DAY,
        "stream_id": tap.stream_id,
        "seq": tap.seq,
        "reason": "Su hermano usó la tarjeta",
    }
    change = NamedTap(**(values | changes))  # type: ignore[arg-type]  # by name
    made = how(desk.web, desk.id, change, desk.inspector.id, now=MORNING + timedelta(hours=5))
    desk.web.commit()
    return made


def decide(desk: Desk, correction: DayCorrection, state: str, note: str = "") -> None:
    verdict = Verdict(state, desk.director.id, note)
    decide_correction(desk.web, desk.id, correction.id, verdict, now=MORNING + timedelta(days=1))
    desk.web.commit()


def test_an_open_day_follows_at_once(session: Session, desk: Desk, tap: Tap) -> None:
    assert status_on(session, desk) == "late"

    made = correct(desk)

    day = day_of(session, desk)
    assert day is not None
    assert (day.status, day.method, day.minutes_late) == ("present", "correction", 0)
    assert day.first_entry_at == tap.tapped_at  # the tap is still what it was
    assert made.state == "applied"
    assert actions(session) == ["day_correction_applied"]


def test_the_later_of_two_corrections_counts_and_both_stay(
    session: Session, desk: Desk, tap: Tap
) -> None:
    correct(desk, "present")
    correct(desk, "late", minutes_late=12)

    day = day_of(session, desk)
    assert day is not None
    assert (day.status, day.minutes_late) == ("late", 12)
    listed = corrections_after(session, desk.id, 0, 10, of=DayOf(desk.student.id, SCHOOL_DAY))
    assert [(one.status, one.author) for one in listed] == [
        ("present", desk.inspector.full_name),
        ("late", desk.inspector.full_name),
    ]


def test_a_tap_left_out_is_kept_and_does_not_count(session: Session, desk: Desk, tap: Tap) -> None:
    leave_out(desk, tap)

    assert day_of(session, desk) is None
    assert rows_of(session, Tap) == 1


def test_a_tap_is_left_out_once(desk: Desk, tap: Tap) -> None:
    leave_out(desk, tap)

    with pytest.raises(Conflict, match="tap_left_out_already"):
        leave_out(desk, tap)


def test_a_tap_left_out_by_mistake_counts_again(session: Session, desk: Desk, tap: Tap) -> None:
    before = status_on(session, desk)
    leave_out(desk, tap)

    restore(desk, tap)
    again = status_on(session, desk)
    leave_out(desk, tap)

    assert before == again == "late"
    assert day_of(session, desk) is None  # of the three words about it the last one counts
    assert rows_of(session, DayCorrection) == 3


def test_only_a_tap_that_is_left_out_can_be_restored(
    session: Session, desk: Desk, tap: Tap
) -> None:
    with pytest.raises(Conflict, match="tap_counts_already"):
        restore(desk, tap)
    desk.web.rollback()
    close_day(session, desk)
    proposed = leave_out(desk, tap)
    with pytest.raises(Conflict, match="tap_counts_already"):
        restore(desk, tap)
    desk.web.rollback()

    decide(desk, proposed, "approved")
    again = restore(desk, tap)

    assert (again.kind, again.state) == ("restore_tap", "proposed")
    assert status_on(session, desk) == "absent"
    decide(desk, again, "approved")
    assert status_on(session, desk) == "late"


def test_only_the_students_own_tap_of_the_day_can_be_left_out(
    session: Session, desk: Desk, tap: Tap
) -> None:
    sibling = a_student(session, a_course(session, desk.school))
    session.commit()

    for wrong in (
        {"student_id": sibling.id},
        {"on_date": SCHOOL_DAY - timedelta(days=1)},
        {"seq": 99},
    ):
        with pytest.raises(NotFound):
            leave_out(desk, tap, **wrong)
        desk.web.rollback()


def test_a_closed_day_changes_when_the_second_person_agrees(session: Session, desk: Desk) -> None:
    close_day(session, desk)
    made = correct(desk)
    assert (made.state, status_on(session, desk)) == ("proposed", "absent")
    assert tasks(session) == [("correction_approval", "open")]

    decide(desk, made, "approved", "Confirmado con la profesora")

    assert status_on(session, desk) == "present"
    assert tasks(session) == [("correction_approval", "done")]
    kept = session.get_one(DayCorrection, (desk.id, made.id))
    assert (kept.decided_by, kept.decision_note) == (
        desk.director.id,
        "Confirmado con la profesora",
    )


def test_a_rejected_correction_changes_nothing(session: Session, desk: Desk) -> None:
    close_day(session, desk)
    made = correct(desk)

    decide(desk, made, "rejected")

    assert status_on(session, desk) == "absent"
    assert tasks(session) == [("correction_approval", "dismissed")]


def test_nobody_confirms_their_own_correction(session: Session, desk: Desk) -> None:
    close_day(session, desk)
    made = correct(desk)

    verdict = Verdict("approved", desk.inspector.id)
    with pytest.raises(NotAllowed, match="second_person"):
        decide_correction(desk.web, desk.id, made.id, verdict, now=MORNING)


def test_the_database_too_wants_two_people(session: Session, desk: Desk) -> None:
    made = correct(desk)
    row = session.get_one(DayCorrection, (desk.id, made.id))

    row.decided_by, row.decided_at = row.author_id, MORNING

    with pytest.raises(IntegrityError, match="two_people"):
        session.flush()


def test_a_correction_is_decided_once(session: Session, desk: Desk) -> None:
    close_day(session, desk)
    made = correct(desk)
    decide(desk, made, "rejected")

    with pytest.raises(Conflict, match="already_decided"):
        decide(desk, made, "approved")


def test_an_applied_correction_has_nothing_to_decide(desk: Desk) -> None:
    made = correct(desk)

    with pytest.raises(Conflict, match="already_decided"):
        decide(desk, made, "rejected")


@pytest.mark.parametrize(
    ("status", "minutes_late", "problem"),
    [
        ("late", None, "minutes_late_do_not_fit"),
        ("late", 0, "minutes_late_do_not_fit"),
        ("late", 601, "minutes_late_do_not_fit"),
        ("present", 5, "minutes_late_do_not_fit"),
        ("no_class", None, "status_not_correctable"),
        ("no_data", None, "status_not_correctable"),
    ],
)
def test_what_makes_no_sense_is_refused(
    desk: Desk, status: str, minutes_late: int | None, problem: str
) -> None:
    with pytest.raises(Conflict, match=problem):
        correct(desk, status, minutes_late=minutes_late)


def test_a_day_to_come_or_long_past_cannot_be_corrected(desk: Desk) -> None:
    for on_date in (date(2026, 3, 5), date(1, 1, 1)):
        with pytest.raises(Conflict, match="day_out_of_range"):
            correct(desk, on_date=on_date)


def test_another_schools_correction_is_not_there(
    session: Session, session_as: SessionAs, desk: Desk
) -> None:
    close_day(session, desk)
    made = correct(desk)
    other = a_school(session)
    session.commit()
    elsewhere = session_as("web", other.id)

    with pytest.raises(NotFound):
        decide_correction(
            elsewhere, other.id, made.id, Verdict("approved", desk.director.id), now=MORNING
        )
    with pytest.raises(NotFound):
        decide_correction(
            elsewhere, desk.id, made.id, Verdict("approved", desk.director.id), now=MORNING
        )
