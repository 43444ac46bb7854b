"""Who may take a student along, what happens then, and what when they may not."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.attendance.models import Tap
from central.errors import Conflict, NotFound
from central.people.models import StudentGuardian
from central.withdrawals import rules
from central.withdrawals.collectors_service import (
    NewFlag,
    NewPerson,
    Rights,
    authorise,
    end_flag,
    forbid,
    revoke,
    set_rights,
)
from central.withdrawals.models import AuthorisedPerson, CustodyFlag, Withdrawal
from central.withdrawals.queries import persons_of, withdrawals_after
from central.withdrawals.rules import PASSPORT, RUN, Collector, Forbidden, Identity, Span
from central.withdrawals.service import Asked, who_comes, withdraw
from tests.builders import (
    MORNING,
    SCHOOL_DAY,
    a_course,
    a_device,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    a_tap,
    minutes,
)
from tests.central.desk import (
    Desk,
    SessionAs,
    a_desk,
    a_run,
    actions,
    day_of,
    kinds_told,
    rows_of,
)
from tests.central.recording import record, sent

NOON = MORNING + timedelta(hours=4)
YESTERDAY, TOMORROW = SCHOOL_DAY - timedelta(days=1), SCHOOL_DAY + timedelta(days=1)


@pytest.fixture
def desk(session: Session, session_as: SessionAs) -> Desk:
    return a_desk(session, session_as)


def a_person(desk: Desk, **changes: object) -> AuthorisedPerson:
    values = {
        "student_id": desk.student.id,
        "full_name": "Rosa Díaz",
        "identity": a_run(),
        "relationship": "neighbour",
        "from_on": YESTERDAY,
    }
    person = NewPerson(**(values | changes))  # type: ignore[arg-type]  # by name
    made = authorise(desk.web, desk.id, person, desk.inspector.id, now=MORNING)
    desk.web.commit()
    return made


def a_flag(desk: Desk, **changes: object) -> CustodyFlag:
    values = {
        "student_id": desk.student.id,
        "person_name": "Rosa Díaz",
        "court_order": "Juzgado de Familia, C-123-2026",
        "from_on": YESTERDAY,
    }
    flag = NewFlag(**(values | changes))  # type: ignore[arg-type]  # by name
    made = forbid(desk.web, desk.id, flag, desk.director.id, now=MORNING)
    desk.web.commit()
    return made


def come(desk: Desk, **changes: object) -> Withdrawal:
    """Somebody asks for the student at noon."""
    made = withdraw(desk.web, desk.id, asked(desk, **changes), desk.inspector.id, now=NOON)
    desk.web.commit()
    return made


def asked(desk: Desk, **changes: object) -> Asked:
    values = {
        "request_key": uuid4(),
        "student_id": desk.student.id,
        "shown": a_run(),
        "reason": "medical",
    }
    return Asked(**(values | changes))  # type: ignore[arg-type]  # by name


def test_an_authorised_person_takes_the_student_along(session: Session, desk: Desk) -> None:
    person = a_person(desk)

    made = come(desk, authorised_person_id=person.id, signature_key="schools/1/signatures/a.png")

    assert made.refusal is None
    tap = session.scalars(select(Tap)).one()
    assert (tap.stream_id, tap.seq) == (made.stream_id, made.seq)
    assert (tap.direction, tap.tapped_at, tap.card_kind) == ("out", NOON, "staff")
    day = day_of(session, desk)
    assert day is not None
    assert (day.inside, day.last_exit_at, day.status) == (False, NOON, "left_early")
    assert kinds_told(session) == ["withdrawal"]  # and not an exit besides
    assert actions(session)[-1] == "student_withdrawn"


@pytest.mark.parametrize("direction", ["auto", "out"])
def test_the_card_read_on_the_way_out_is_no_other_passage_and_no_other_message(
    session: Session, session_as: SessionAs, desk: Desk, direction: str
) -> None:
    device = a_device(session, a_gate(session, desk.school), direction=direction)
    session.commit()
    come(desk, guardian_id=desk.guardian.id)

    on_the_way = a_tap(card="c1", at=NOON + minutes(3))
    record(session_as("ingest", desk.id), sent(device.id, on_the_way), now=NOON + minutes(4))

    day = day_of(session, desk)
    assert day is not None
    assert (day.inside, day.last_exit_at, day.passages) == (False, NOON, 1)
    assert kinds_told(session) == ["withdrawal"]


def test_a_guardian_takes_the_student_along(session: Session, desk: Desk) -> None:
    made = come(desk, guardian_id=desk.guardian.id)

    assert (made.refusal, made.person_name) == (None, desk.guardian.full_name)
    (listed,) = withdrawals_after(session, desk.id, 0, 10)
    assert (listed.identity_number, listed.relationship) == ("12345678-5", "mother")


def test_two_withdrawals_of_one_day_are_both_told(session: Session, desk: Desk) -> None:
    come(desk, guardian_id=desk.guardian.id)
    later = asked(desk, guardian_id=desk.guardian.id)
    withdraw(desk.web, desk.id, later, desk.inspector.id, now=NOON + minutes(90))
    desk.web.commit()

    assert kinds_told(session) == ["withdrawal", "withdrawal"]


def test_a_form_sent_twice_is_one_withdrawal(session: Session, desk: Desk) -> None:
    key = uuid4()

    first = come(desk, guardian_id=desk.guardian.id, request_key=key)
    second = come(desk, guardian_id=desk.guardian.id, request_key=key)

    assert first.id == second.id
    assert rows_of(session, Withdrawal) == rows_of(session, Tap) == 1
    assert kinds_told(session) == ["withdrawal"]


def test_a_court_order_stands_above_a_guardians_right(session: Session, desk: Desk) -> None:
    a_flag(desk, guardian_id=desk.guardian.id, person_name=desk.guardian.full_name)

    made = come(desk, guardian_id=desk.guardian.id, signature_key="schools/1/signatures/a.png")

    assert (made.refusal, made.signature_key, made.seq) == ("custody", None, None)
    assert rows_of(session, Tap) == 0
    assert kinds_told(session) == []
    assert actions(session)[-1] == "withdrawal_refused"


def test_an_order_that_was_ended_forbids_nothing(desk: Desk) -> None:
    flag = a_flag(desk, guardian_id=desk.guardian.id)
    end_flag(desk.web, desk.id, flag.id, desk.director.id, now=MORNING)

    assert come(desk, guardian_id=desk.guardian.id).refusal is None


@pytest.mark.parametrize(
    ("dates", "refusal"),
    [
        ({"until_on": YESTERDAY}, "expired"),
        ({"from_on": TOMORROW}, "not_yet"),
        ({"from_on": SCHOOL_DAY, "until_on": SCHOOL_DAY}, None),
    ],
)
def test_an_authorisation_holds_on_its_dates(
    desk: Desk, dates: dict[str, date], refusal: str | None
) -> None:
    person = a_person(desk, **dates)

    assert come(desk, authorised_person_id=person.id).refusal == refusal


def test_a_revoked_person_is_refused(desk: Desk) -> None:
    person = a_person(desk)
    revoke(desk.web, desk.id, person.id, desk.inspector.id, now=MORNING)

    assert come(desk, authorised_person_id=person.id).refusal == "revoked"
    with pytest.raises(Conflict, match="already_decided"):
        revoke(desk.web, desk.id, person.id, desk.inspector.id, now=MORNING)


def test_another_number_than_the_one_on_file_is_refused(desk: Desk) -> None:
    person = a_person(desk)

    made = come(desk, authorised_person_id=person.id, shown=a_run(9_876_543))

    assert made.refusal == "other_identity"


def test_to_see_to_be_told_and_to_collect_are_separate(session: Session, desk: Desk) -> None:
    rights = Rights(
        may_see=True, notify_entry=False, notify_exit=True, notify_absence=False, may_collect=False
    )
    link = (desk.student.id, desk.guardian.id)
    set_rights(desk.web, desk.id, link, rights, desk.director.id)
    desk.web.commit()

    kept = session.get_one(StudentGuardian, (desk.id, *link))
    assert (kept.may_see, kept.notify_exit, kept.may_collect) == (True, True, False)
    assert come(desk, guardian_id=desk.guardian.id).refusal == "not_authorised"
    assert actions(session) == ["guardian_rights_set", "withdrawal_refused"]


def test_who_would_be_refused_is_known_beforehand(session: Session, desk: Desk) -> None:
    a_person(desk, full_name="Vieja Amiga", until_on=YESTERDAY)
    a_person(desk, full_name="Tío Raúl", identity=a_run(7_654_321))
    a_flag(desk, guardian_id=desk.guardian.id, person_name=desk.guardian.full_name)
    gone = a_person(desk, full_name="Nadie", identity=a_run(9_876_543))
    revoke(desk.web, desk.id, gone.id, desk.inspector.id, now=MORNING)

    comers = who_comes(desk.web, desk.id, desk.student.id, now=NOON)

    assert [(comer.name, comer.refusal) for comer in comers] == [
        ("Tío Raúl", None),
        (desk.guardian.full_name, "custody"),
        ("Vieja Amiga", "expired"),
    ]
    assert rows_of(session, Withdrawal) == 0


def test_a_person_is_authorised_for_one_student_of_one_school(
    session: Session, session_as: SessionAs, desk: Desk
) -> None:
    sibling = a_student(session, a_course(session, desk.school))
    other_school = a_school(session)
    other = a_student(session, a_course(session, other_school))
    stranger = a_guardian(session, other)
    session.commit()
    person = a_person(desk)
    elsewhere = session_as("web", other_school.id)

    with pytest.raises(NotFound):
        come(desk, student_id=sibling.id, authorised_person_id=person.id)
    desk.web.rollback()
    with pytest.raises(NotFound):
        come(desk, guardian_id=stranger.id)
    desk.web.rollback()
    with pytest.raises(NotFound):
        come(desk, student_id=other.id, guardian_id=stranger.id)
    with pytest.raises(NotFound):
        revoke(elsewhere, other_school.id, person.id, desk.director.id, now=MORNING)
    assert persons_of(elsewhere, desk.id, desk.student.id) == []


def test_the_same_person_is_not_authorised_twice(desk: Desk) -> None:
    a_person(desk)

    with pytest.raises(Conflict, match="authorised_already"):
        a_person(desk)
    desk.web.rollback()
    with pytest.raises(Conflict, match="dates_out_of_order"):
        a_person(desk, until_on=YESTERDAY - timedelta(days=1))


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("12.345.678-5", "12345678-5"),
        ("12345678-5", "12345678-5"),
        ("123456785", "12345678-5"),
        (" 11.111.111-1 ", "11111111-1"),
        ("6.824.362-9", "6824362-9"),
        ("1.000.005-k", "1000005-K"),
        ("10.000.013-K", "10000013-K"),
        ("15.000.000-0", None),
        ("12.345.678-6", None),
        ("12.345.678-K", None),
        ("12345678", None),
        ("1-9", None),
        ("123.456.789-2", None),
        ("1234567a-5", None),
        ("", None),
    ],
)
def test_a_run_is_one_with_its_check_digit(typed: str, number: str | None) -> None:
    found = rules.identity(RUN, typed)

    assert (found.number if found else None) == number


@pytest.mark.parametrize(
    ("number", "digit"),
    [(11_111_111, "1"), (12_345_678, "5"), (1_000_005, "K"), (7_654_321, "6"), (14_569_484, "1")],
)
def test_check_digits(number: int, digit: str) -> None:
    assert rules.check_digit(number) == digit


def test_every_digit_appears_and_one_wrong_digit_is_always_noticed() -> None:
    digits = {rules.check_digit(number) for number in range(1_000_000, 1_000_100)}

    assert digits == set("0123456789K")
    for place in range(8):
        changed = 12_345_678 + (1 if 12_345_678 // 10**place % 10 < 9 else -1) * 10**place
        assert rules.check_digit(changed) != "5"


@pytest.mark.parametrize(
    ("typed", "number"), [("ab-123 456", "AB123456"), ("X1", None), ("A" * 21, None)]
)
def test_a_passport_is_letters_and_digits(typed: str, number: str | None) -> None:
    found = rules.identity(PASSPORT, typed)

    assert (found.number if found else None) == number


def test_numbers_are_written_as_people_read_them() -> None:
    assert rules.written(RUN, "12345678-5") == "12.345.678-5"
    assert rules.written(RUN, "1000005-K") == "1.000.005-K"
    assert rules.written(PASSPORT, "AB123456") == "AB123456"


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("912345678", "+56912345678"),
        ("+56 9 1234 5678", "+56912345678"),
        ("+54 (11) 5555-1234", "+541155551234"),
        ("12345678", None),
        ("", None),
    ],
)
def test_telephones(typed: str, number: str | None) -> None:
    assert rules.phone(typed) == number


ALWAYS = Span(YESTERDAY, None)
ORDERS = {
    "guardian": Forbidden("Juan Pérez", ALWAYS, guardian_id=1),
    "number": Forbidden("Juan Pérez", ALWAYS, identity=a_run(7_654_321)),
    "name": Forbidden("juan  perez", ALWAYS),
    "past": Forbidden("Juan Pérez", Span(YESTERDAY, YESTERDAY), guardian_id=1),
}


@pytest.mark.parametrize(
    ("order", "collector", "shown", "refused"),
    [
        ("guardian", Collector("Juan Pérez", guardian_id=1), a_run(), True),
        ("guardian", Collector("Juan Pérez", guardian_id=2), a_run(), False),
        ("guardian", Collector("Juan Pérez", on_file=a_run()), a_run(), True),
        ("number", Collector("Otro Nombre", on_file=a_run(7_654_321)), a_run(7_654_321), True),
        ("number", Collector("Otro Nombre", guardian_id=3), a_run(7_654_321), True),
        ("number", Collector("Juan Pérez", guardian_id=3), a_run(), False),
        ("number", Collector("Juan Pérez", guardian_id=3), Identity(PASSPORT, "AB123"), True),
        ("name", Collector("Juan Pérez", guardian_id=3), a_run(), True),
        ("name", Collector("Juana Pérez", guardian_id=3), a_run(), False),
        ("past", Collector("Juan Pérez", guardian_id=1), a_run(), False),
    ],
)
def test_whom_an_order_is_about(
    order: str, collector: Collector, shown: Identity, refused: bool
) -> None:
    found = rules.refusal(collector, shown, [ORDERS[order]], SCHOOL_DAY)

    assert (found == "custody") is refused
