"""Entries and exits that staff make are taps like others, with a reason and an author."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from central.attendance.corrections_rules import Verdict, staff_device_id
from central.attendance.manual_models import ManualEntry
from central.attendance.manual_service import DESK, decide_manual, record_manual
from central.attendance.models import Tap
from central.devices.models import Device, Gate, Stream
from central.errors import Conflict, NotAllowed, NotFound
from central.no_shows.models import NoShow, NoShowCheck
from central.notifications.models import Notification
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
    a_passage,
    actions,
    close_day,
    day_of,
    kinds_told,
    rows_of,
    status_on,
    tasks,
)
from tests.central.recording import record, sent

YESTERDAY = MORNING - timedelta(days=1)


@pytest.fixture
def desk(session: Session, session_as: SessionAs) -> Desk:
    return a_desk(session, session_as)


def enter(desk: Desk, direction: str = "in", **changes: object) -> ManualEntry:
    """Enter a passage at 8:01, as the web does."""
    passage = a_passage(desk, direction, **changes)
    entry = record_manual(desk.web, desk.id, passage, desk.inspector.id, now=MORNING + minutes(1))
    desk.web.commit()
    return entry


def test_a_forgotten_card_makes_the_child_present_at_the_true_time(
    session: Session, desk: Desk
) -> None:
    entry = enter(desk)

    day = day_of(session, desk)
    assert day is not None
    assert (day.status, day.first_entry_at, day.inside) == ("present", MORNING, True)
    assert (day.method, day.confidence) == ("staff", "sure")
    tap = session.scalars(select(Tap)).one()
    assert (tap.stream_id, tap.seq) == (entry.stream_id, entry.seq)
    assert (tap.student_id, tap.card_kind, tap.direction) == (desk.student.id, "staff", "in")
    assert (entry.reason, entry.author_id) == ("Olvidó la tarjeta", desk.inspector.id)
    assert actions(session) == ["manual_entry_applied"]


def test_guardians_are_told_of_what_happens_now(session: Session, desk: Desk) -> None:
    enter(desk)

    assert kinds_told(session) == ["entry"]


def test_nobody_is_told_of_what_is_past(session: Session, desk: Desk) -> None:
    enter(desk, at=MORNING - timedelta(hours=3))
    enter(desk, at=YESTERDAY)

    assert rows_of(session, Tap) == 2
    assert kinds_told(session) == []


def alarmed_on(session: Session, desk: Desk, on_date: date) -> None:
    """The family was told that the student is missing."""
    begins_at = MORNING + (on_date - SCHOOL_DAY)
    check = NoShowCheck(
        school_id=desk.id, on_date=on_date, begins_at=begins_at, checked_at=begins_at
    )
    session.add(check)
    session.flush()
    about = {"school_id": desk.id, "student_id": desk.student.id, "on_date": on_date}
    session.add_all(
        [
            NoShow(
                **about,
                course_id=desk.student.course_id,
                begins_at=begins_at,
                found_at=begins_at,
                state="told",
                told_at=begins_at,
            ),
            Notification(
                **about,
                guardian_id=desk.guardian.id,
                kind="absence",
                ordinal=1,
                fact_at=begins_at,
                due_at=begins_at,
            ),
        ]
    )
    session.commit()


def test_an_alarmed_family_is_told_the_same_day_that_the_child_was_there(
    session: Session, desk: Desk
) -> None:
    alarmed_on(session, desk, SCHOOL_DAY)

    enter(desk, at=MORNING - timedelta(hours=3))

    assert kinds_told(session) == ["absence", "arrived_after_alert"]


def test_an_alarm_of_an_earlier_day_is_settled_in_silence(session: Session, desk: Desk) -> None:
    alarmed_on(session, desk, YESTERDAY.date())

    enter(desk, at=YESTERDAY)

    assert kinds_told(session) == ["absence"]
    session.expire_all()
    assert session.scalars(select(NoShow.resolution)).one() == "arrived"


def test_entry_and_exit_are_numbered_without_a_hole(session: Session, desk: Desk) -> None:
    enter(desk, at=MORNING - timedelta(hours=1))
    enter(desk, "out", at=MORNING)
    enter(desk, at=MORNING + minutes(1))

    stream = session.scalars(select(Stream)).one()
    assert [(run.lower, run.upper) for run in stream.received] == [(1, 4)]
    day = day_of(session, desk)
    assert day is not None
    assert (day.passages, day.inside, day.last_exit_at) == (3, True, MORNING)


def test_a_staff_entry_and_a_card_are_one_story(
    session: Session, session_as: SessionAs, desk: Desk
) -> None:
    device = a_device(session, a_gate(session, desk.school))
    session.commit()
    enter(desk, at=MORNING - timedelta(minutes=30))

    record(session_as("ingest", desk.id), sent(device.id, a_tap(card="c1", at=MORNING)))

    day = day_of(session, desk)
    assert day is not None
    assert (day.passages, day.inside, day.last_exit_at) == (2, False, MORNING)


def test_the_staff_desk_is_made_once(session: Session, desk: Desk) -> None:
    enter(desk, at=MORNING - minutes(10))
    enter(desk, "out")

    device = session.scalars(select(Device)).one()
    gate = session.scalars(select(Gate)).one()
    assert (device.id, device.kind, device.gate_id) == (
        f"{desk.school.slug}-staff",
        "staff",
        gate.id,
    )
    assert gate.name == DESK


def test_a_form_sent_twice_is_one_entry(session: Session, desk: Desk) -> None:
    key = uuid4()

    first, second = enter(desk, request_key=key), enter(desk, request_key=key)

    assert first.id == second.id
    assert rows_of(session, Tap) == rows_of(session, ManualEntry) == 1


@pytest.mark.parametrize("at", [MORNING + minutes(5), MORNING - timedelta(days=500)])
def test_a_time_that_nobody_means_is_refused(desk: Desk, at: object) -> None:
    with pytest.raises(Conflict, match="time_out_of_range"):
        enter(desk, at=at)


def test_a_student_of_another_school_is_not_there(session: Session, desk: Desk) -> None:
    stranger = a_student(session, a_course(session, a_school(session)))
    session.commit()

    with pytest.raises(NotFound):
        enter(desk, student_id=stranger.id)


def test_a_closed_day_waits_for_a_second_person(session: Session, desk: Desk) -> None:
    close_day(session, desk)

    entry = enter(desk)

    assert entry.state == "proposed"
    assert rows_of(session, Tap) == 0
    assert status_on(session, desk) == "absent"
    assert tasks(session) == [("correction_approval", "open")]


def test_the_second_person_makes_it_count(session: Session, desk: Desk) -> None:
    close_day(session, desk)
    entry = enter(desk)

    verdict = Verdict("approved", desk.director.id, "Lo vi en clases")
    decide_manual(desk.web, desk.id, entry.id, verdict, now=MORNING + timedelta(days=1))
    desk.web.commit()

    assert status_on(session, desk) == "present"
    assert tasks(session) == [("correction_approval", "done")]
    assert kinds_told(session) == []
    assert actions(session) == ["manual_entry_proposed", "manual_entry_approved"]


def test_a_rejected_entry_changes_nothing_and_stays_to_be_seen(
    session: Session, desk: Desk
) -> None:
    close_day(session, desk)
    entry = enter(desk)

    verdict = Verdict("rejected", desk.director.id, "No vino")
    decide_manual(desk.web, desk.id, entry.id, verdict, now=MORNING)
    desk.web.commit()

    assert status_on(session, desk) == "absent"
    assert rows_of(session, Tap) == 0
    kept = session.get_one(ManualEntry, (desk.id, entry.id))
    assert (kept.state, kept.decision_note) == ("rejected", "No vino")
    assert tasks(session) == [("correction_approval", "dismissed")]


def test_nobody_confirms_their_own_entry(session: Session, desk: Desk) -> None:
    close_day(session, desk)
    entry = enter(desk)

    with pytest.raises(NotAllowed, match="second_person"):
        decide_manual(
            desk.web, desk.id, entry.id, Verdict("approved", desk.inspector.id), now=MORNING
        )


def test_an_entry_is_decided_once(session: Session, desk: Desk) -> None:
    close_day(session, desk)
    entry = enter(desk)
    verdict = Verdict("approved", desk.director.id)
    decide_manual(desk.web, desk.id, entry.id, verdict, now=MORNING)

    with pytest.raises(Conflict, match="already_decided"):
        decide_manual(desk.web, desk.id, entry.id, verdict, now=MORNING)


def test_the_web_cannot_pretend_that_a_card_was_read(session: Session, desk: Desk) -> None:
    enter(desk)
    tap = session.scalars(select(Tap)).one()

    with pytest.raises(ProgrammingError, match="row-level security"):
        desk.web.execute(
            text(
                "INSERT INTO taps (school_id, stream_id, seq, gate_id, direction, tapped_at,"
                " on_date, clock, boot, up_ms, reader, card_kind, digest, verdict) SELECT"
                " school_id, stream_id, 99, gate_id, direction, tapped_at, on_date, clock, boot,"
                " up_ms, reader, 'token', digest, verdict FROM taps WHERE seq = :seq"
            ),
            {"seq": tap.seq},
        )


@pytest.mark.parametrize(
    ("slug", "device_id"),
    [
        ("los-aromos", "los-aromos-staff"),
        ("a" * 34, f"{'a' * 34}-staff"),
        ("a" * 35, "school-7-desk-staff"),
    ],
)
def test_the_desk_has_an_id_of_the_form_that_devices_have(slug: str, device_id: str) -> None:
    assert staff_device_id(slug, 7) == device_id
