"""Taps of secure cards: what they prove, and what is made of forgeries and copies."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay, Tap
from central.attendance.service import record_taps
from central.cards.keys import CardKeys
from central.cards.models import Card
from central.tasks.models import Task
from contracts.messages import Anchor
from emulators.nfc.ntag424 import Ntag424
from tests.builders import MORNING, SCHOOL_DAY, a_digest, a_tap, minutes
from tests.central.recording import SOON, SessionAs, count, quarantined, sent, the_day
from tests.central.secure import SecureSchool, a_secure_card, a_secure_school, what_it_says

LATER = MORNING + minutes(60)


@pytest.fixture
def school(session: Session, session_as: SessionAs) -> SecureSchool:
    return a_secure_school(session, session_as)


def doubts(session: Session) -> list[tuple[datetime, str | None]]:
    session.expire_all()
    rows = session.execute(select(Tap.tapped_at, Tap.doubt).order_by(Tap.tapped_at, Tap.id))
    return [(at, doubt) for at, doubt in rows]


def test_a_secure_card_makes_its_students_day(session: Session, school: SecureSchool) -> None:
    school.record(school.tap())

    day = the_day(session)
    assert (day.student_id, day.status, day.first_entry_at) == (
        school.student_id,
        "present",
        MORNING,
    )
    tap = session.scalars(select(Tap)).one()
    assert (tap.card_kind, tap.counter, tap.doubt) == ("sun", 1, None)
    assert count(session, Task) == 0


def test_a_forgery_counts_for_nobody_and_a_person_is_asked(
    session: Session, school: SecureSchool
) -> None:
    forger = a_secure_card(school.place.school.id, keys=CardKeys(bytes(32)))

    school.record(school.tap(said=what_it_says(forger)))

    assert count(session, AttendanceDay) == 0
    tap = session.scalars(select(Tap)).one()
    assert (tap.student_id, tap.counter, tap.doubt) == (None, None, "forged")
    task = session.scalars(select(Task)).one()
    assert (task.kind, task.on_date, task.state) == ("card_alert", SCHOOL_DAY, "open")
    assert task.subject == {"card": school.card_id}
    (reason,) = task.reasons
    assert reason["code"] == "card_forged"
    assert datetime.fromisoformat(reason["since"]) == MORNING
    (kept,) = quarantined(session)
    assert kept.reason == "card: forged"
    assert tap.digest.hex().encode() in kept.payload


def test_a_number_without_its_proof_is_not_the_secure_card(
    session: Session, school: SecureSchool
) -> None:
    digest = session.scalars(select(Card.digest).where(Card.id == school.card_id)).one()
    bare = replace(a_tap().card, digest=digest.hex())

    school.record(a_tap(1, card="x"), school.tap(2, said=bare))

    assert session.scalars(select(Tap.student_id)).all() == [None, None]


def test_without_keys_a_secure_card_names_nobody(session: Session, school: SecureSchool) -> None:
    school.record(school.tap(), keys=None)

    assert session.scalars(select(Tap.student_id)).one() is None
    assert count(session, Task) == 0


@pytest.mark.parametrize(
    ("verdict", "doubt"), [("replayed", "replayed"), ("forged", "forged"), ("revoked", None)]
)
def test_what_the_gate_doubts_is_doubted_here(
    session: Session, school: SecureSchool, verdict: str, doubt: str | None
) -> None:
    school.record(school.tap(verdict=verdict))

    assert [said for _, said in doubts(session)] == [doubt]
    assert count(session, AttendanceDay) == (1 if doubt is None else 0)
    assert count(session, Task) == (0 if doubt is None else 1)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_same_read_at_two_gates_counts_where_it_was_first_whoever_tells_first(
    session: Session, school: SecureSchool, order: tuple[int, ...]
) -> None:
    said = what_it_says(school.card)
    told = [
        (school.place.entrance, school.tap(1, said=said, boot="a")),
        (school.place.exit, school.tap(1, at=LATER, said=said, boot="b")),
        (school.place.gate, school.tap(1, at=MORNING + minutes(400), boot="c")),
    ]

    for position in order:
        device, tap = told[position]
        school.record(tap, device=device, now=MORNING + minutes(401))

    assert [doubt for _, doubt in doubts(session)] == [None, "replayed", None]
    day = the_day(session)
    assert (day.passages, day.first_entry_at) == (2, MORNING)
    task = session.scalars(select(Task)).one()
    assert [reason["code"] for reason in task.reasons] == ["card_replayed"]


@pytest.mark.parametrize("late_first", [True, False])
def test_an_older_read_after_a_newer_one_is_a_copy_whichever_is_told_first(
    session: Session, school: SecureSchool, *, late_first: bool
) -> None:
    stolen, true = what_it_says(school.card), what_it_says(school.card)
    told = [
        (school.place.gate, school.tap(1, said=true, boot="a")),
        (school.place.exit, school.tap(1, at=LATER, said=stolen, boot="b")),
    ]

    for device, tap in reversed(told) if late_first else told:
        school.record(tap, device=device, now=LATER)

    assert doubts(session) == [(MORNING, None), (LATER, "replayed")]
    assert the_day(session).passages == 1


def test_a_gate_that_was_offline_tells_earlier_reads_later_and_nobody_is_suspected(
    session: Session, school: SecureSchool
) -> None:
    early, late = what_it_says(school.card), what_it_says(school.card)
    school.record(school.tap(1, at=LATER, said=late, boot="a"), now=LATER)

    school.record(school.tap(1, said=early, boot="b"), device=school.place.entrance, now=LATER)

    assert doubts(session) == [(MORNING, None), (LATER, None)]
    assert count(session, Task) == 0


def test_clocks_that_differ_by_minutes_accuse_nobody(
    session: Session, school: SecureSchool
) -> None:
    first, second = what_it_says(school.card), what_it_says(school.card)
    behind = MORNING - timedelta(minutes=9)

    school.record(
        school.tap(1, said=first, boot="a"), school.tap(2, at=behind, said=second, boot="b")
    )

    assert {doubt for _, doubt in doubts(session)} == {None}


def test_a_clock_that_nobody_set_accuses_nobody_until_it_is_repaired(
    session: Session, school: SecureSchool
) -> None:
    stolen, true = what_it_says(school.card), what_it_says(school.card)
    wrong = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    school.record(school.tap(1, said=true))
    unsure = school.tap(1, at=wrong, said=stolen, clock="unsynced", boot="b", up_ms=5_000)
    school.record(unsure, device=school.place.exit)
    assert {doubt for _, doubt in doubts(session)} == {None}

    ingest = school.session_as("ingest", school.place.school.id)
    zero_ms = round(LATER.timestamp() * 1000) - 5_000
    record_taps(ingest, [], [(school.place.exit, Anchor("b", zero_ms, LATER))], now=LATER)
    ingest.commit()

    assert doubts(session) == [(MORNING, None), (LATER, "replayed")]


def test_a_tap_sent_again_under_another_number_is_the_same_tap(
    session: Session, school: SecureSchool
) -> None:
    tap = school.tap()
    school.record(tap)

    ingest = school.session_as("ingest", school.place.school.id)
    record_taps(ingest, [sent(school.place.gate, tap, stream="s2")], now=SOON)
    ingest.commit()
    school.record(tap)

    assert {doubt for _, doubt in doubts(session)} == {None}
    assert the_day(session).passages == 1


def test_a_repeated_forgery_is_one_task_with_all_that_happened_and_told_once(
    session: Session, school: SecureSchool
) -> None:
    forger = a_secure_card(school.place.school.id, keys=CardKeys(bytes(32)))
    first, second = (
        school.tap(seq, at=MORNING + minutes(seq), said=what_it_says(forger)) for seq in (1, 2)
    )
    school.record(first)
    school.record(first, second)
    school.record(first, second)

    task = session.scalars(select(Task)).one()
    assert [reason["code"] for reason in task.reasons] == ["card_forged", "card_forged"]
    assert len(quarantined(session)) == 2


def test_a_made_up_card_of_nobody_asks_nobody(session: Session, school: SecureSchool) -> None:
    stranger = Ntag424(b"\x04" + bytes(6), "x.example", (bytes(16), bytes(16)))

    school.record(school.tap(said=what_it_says(stranger), verdict="unknown"))

    assert [doubt for _, doubt in doubts(session)] == ["forged"]
    assert count(session, Task) == 0


@pytest.mark.parametrize("allowed", [True, False])
def test_a_card_known_by_its_number_names_its_student_where_the_school_takes_that(
    session: Session, school: SecureSchool, *, allowed: bool
) -> None:
    school.place.school.uid_cards = allowed
    session.add(
        Card(
            school_id=school.place.school.id,
            digest=a_digest("number"),
            kind="uid",
            student_id=school.student_id,
        )
    )
    session.commit()
    tap = a_tap(card="number")

    school.record(replace(tap, card=replace(tap.card, kind="uid")))

    named = session.scalars(select(Tap.student_id)).one()
    assert named == (school.student_id if allowed else None)
