"""Recording taps: the one way in, against a real PostgreSQL as the role that ingest has."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay, Tap
from central.attendance.service import record_taps
from central.cards.models import Card
from central.errors import NotFound
from central.events import CHANNEL
from central.notifications.models import Notification
from central.settings import Settings
from contracts.messages import Receipt
from devkit.waiting import wait_until
from tests.builders import MORNING, a_course, a_digest, a_school, a_student, a_tap, a_user, minutes
from tests.central.recording import (
    SOON,
    SessionAs,
    a_small_school,
    count,
    record,
    sent,
    the_day,
    told,
)


def test_a_tap_becomes_a_day_and_a_message(session: Session, session_as: SessionAs) -> None:
    place = a_small_school(session)

    recorded = record(session_as("ingest", place.school.id), sent(place.gate, a_tap()))

    assert recorded.receipts == ((place.gate, Receipt("s1", 1)),)
    assert (recorded.taps, recorded.notifications) == (1, 1)
    day = the_day(session)
    assert (day.status, day.first_entry_at, day.inside) == ("present", MORNING, True)
    message = session.scalars(select(Notification)).one()
    assert (message.kind, message.ordinal, message.fact_at) == ("entry", 1, MORNING)
    assert (message.status, message.due_at) == ("queued", SOON)


def test_a_repeated_call_changes_nothing_and_gives_the_receipt_again(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)
    ingest = session_as("ingest", place.school.id)
    batch = sent(place.gate, a_tap(1), a_tap(2, at=MORNING + minutes(300)))
    first = record(ingest, batch, now=MORNING + minutes(301))
    before = _row_versions(session)

    again = record(ingest, batch, now=MORNING + minutes(302))

    assert again.receipts == first.receipts
    assert (again.taps, again.notifications) == (0, 0)
    assert _row_versions(session) == before


def _row_versions(session: Session) -> list[tuple[str, str]]:
    """Every tap, day and message, with the transaction that wrote it last."""
    return [
        (row.xmin, row.content)
        for table in ("taps", "attendance_days", "notifications")
        for row in session.execute(text(f"SELECT xmin::text, t::text AS content FROM {table} t"))
    ]


def test_a_stale_tap_is_kept_but_not_told(session: Session, session_as: SessionAs) -> None:
    place = a_small_school(session)

    record(
        session_as("ingest", place.school.id), sent(place.gate, a_tap()), now=MORNING + minutes(120)
    )

    assert count(session, Tap) == 1
    assert the_day(session).status == "present"
    assert told(session) == []


@pytest.mark.parametrize("clock", ["unsynced", "repaired"])
def test_only_a_tap_with_a_clock_to_trust_is_told(
    session: Session, session_as: SessionAs, clock: str
) -> None:
    place = a_small_school(session)

    record(session_as("ingest", place.school.id), sent(place.gate, a_tap(clock=clock)))

    assert len(told(session)) == (clock == "repaired")
    assert the_day(session).confidence == ("sure" if clock == "repaired" else "unsure")


def test_a_late_student_is_late_by_the_schedule_of_the_course(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)

    record(
        session_as("ingest", place.school.id),
        sent(place.gate, a_tap(at=MORNING + minutes(30))),  # 8:20
        now=MORNING + minutes(31),
    )

    assert (the_day(session).status, the_day(session).minutes_late) == ("late", 20)


def test_a_weekend_has_no_class(session: Session, session_as: SessionAs) -> None:
    place = a_small_school(session)
    saturday = MORNING + timedelta(days=3, hours=4)

    record(
        session_as("ingest", place.school.id), sent(place.gate, a_tap(at=saturday)), now=saturday
    )

    assert (the_day(session).status, the_day(session).minutes_late) == ("no_class", 0)
    assert the_day(session).inside


def test_a_tap_before_midnight_and_one_after_belong_to_two_days(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)
    late = MORNING + timedelta(hours=16, minutes=9)  # 23:59 in Santiago

    record(
        session_as("ingest", place.school.id),
        sent(place.gate, a_tap(1, at=late), a_tap(2, at=late + minutes(2))),
        now=late + minutes(3),
    )

    days = session.execute(
        select(AttendanceDay.on_date, AttendanceDay.inside).order_by(AttendanceDay.on_date)
    )
    assert [tuple(day) for day in days] == [(date(2026, 3, 4), True), (date(2026, 3, 5), True)]


def test_a_card_that_nobody_holds_is_stored_and_concludes_nothing(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)

    recorded = record(
        session_as("ingest", place.school.id),
        sent(place.gate, a_tap(card="stranger", verdict="unknown")),
    )

    assert recorded.receipts == ((place.gate, Receipt("s1", 1)),)
    assert session.scalars(select(Tap)).one().student_id is None
    assert count(session, AttendanceDay) == 0


def test_a_card_that_the_gate_did_not_know_yet_counts_once_central_does(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)

    record(session_as("ingest", place.school.id), sent(place.gate, a_tap(verdict="unknown")))

    assert the_day(session).status == "present"


def test_a_card_of_the_staff_means_no_student(session: Session, session_as: SessionAs) -> None:
    place = a_small_school(session)
    inspector = a_user(session)
    session.add(
        Card(
            school_id=place.school.id, digest=a_digest("staff"), kind="staff", user_id=inspector.id
        )
    )
    session.commit()

    record(session_as("ingest", place.school.id), sent(place.gate, a_tap(card="staff")))

    assert session.scalars(select(Tap)).one().student_id is None


@pytest.mark.parametrize(
    ("revoked", "clock", "counts"),
    [
        pytest.param(MORNING - minutes(1), "synced", False, id="revoked before it was tapped"),
        pytest.param(MORNING + minutes(1), "synced", True, id="tapped before it was revoked"),
        pytest.param(MORNING + minutes(1), "unsynced", False, id="nobody knows when it was tapped"),
    ],
)
def test_a_revoked_card_means_its_student_only_before(
    session: Session, session_as: SessionAs, revoked: datetime, clock: str, counts: bool
) -> None:
    place = a_small_school(session)
    session.scalars(select(Card)).one().revoked_at = revoked
    session.commit()

    record(session_as("ingest", place.school.id), sent(place.gate, a_tap(clock=clock)))

    assert count(session, AttendanceDay) == counts


def test_a_batch_of_several_schools_concludes_for_each_its_own(
    session: Session, session_as: SessionAs
) -> None:
    one, other = a_small_school(session), a_small_school(session, timezone="Europe/Madrid")

    recorded = record(
        session_as("ingest", one.school.id, other.school.id),
        sent(one.gate, a_tap()),
        sent(other.gate, a_tap()),
    )

    assert dict(recorded.receipts).keys() == {one.gate, other.gate}
    days = {day.student_id: day for day in session.scalars(select(AttendanceDay))}
    assert days[one.student.id].status == "present"  # 7:50
    assert days[other.student.id].minutes_late == 230  # 11:50, and the bell rang at 8:00


def test_the_same_card_at_another_school_means_nobody(
    session: Session, session_as: SessionAs
) -> None:
    place, other = a_small_school(session), a_school(session)
    a_student(session, a_course(session, other), card="only there")
    session.commit()

    record(
        session_as("ingest", place.school.id, other.id),
        sent(place.gate, a_tap(card="only there")),
    )

    assert session.scalars(select(Tap)).one().student_id is None


def test_a_device_of_a_school_that_was_not_entered_is_not_found(
    session: Session, session_as: SessionAs
) -> None:
    place, other = a_small_school(session), a_small_school(session)

    with pytest.raises(NotFound):
        record_taps(session_as("ingest", place.school.id), [sent(other.gate, a_tap())], now=SOON)

    assert count(session, Tap) == 0


def test_two_batches_fit_into_one_transaction(session: Session, session_as: SessionAs) -> None:
    place = a_small_school(session)
    ingest = session_as("ingest", place.school.id)

    first = record_taps(ingest, [sent(place.gate, a_tap(1))], now=SOON)
    second = record_taps(ingest, [sent(place.gate, a_tap(2))], now=SOON)
    ingest.commit()

    assert (first.taps, second.taps) == (1, 1)


def test_the_number_of_statements_does_not_grow_with_the_batch(
    session: Session, session_as: SessionAs
) -> None:
    places = [a_small_school(session) for _ in range(5)]
    ingest = session_as("ingest", *(place.school.id for place in places))
    statements: list[str] = []
    event.listen(
        ingest.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2])
    )

    record(ingest, sent(places[0].gate, a_tap(1)))
    small = len(statements)
    record(
        ingest,
        *(
            sent(place.gate, *(a_tap(seq, at=MORNING + minutes(seq)) for seq in range(2, 40)))
            for place in places
        ),
        now=MORNING + minutes(60),
    )

    assert len(statements) == 2 * small


def test_two_consumers_at_once_conclude_from_the_taps_of_both(
    session: Session, session_as: SessionAs
) -> None:
    place = a_small_school(session)
    one, other = (session_as("ingest", place.school.id) for _ in range(2))
    record_taps(one, [sent(place.entrance, a_tap())], now=SOON)

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(record, other, sent(place.exit, a_tap(at=MORNING + minutes(1))))
        assert wait_until(lambda: _waits_for_a_lock(session), 10)
        one.commit()
        waiting.result(timeout=10)

    assert (the_day(session).passages, the_day(session).inside) == (2, False)


def _waits_for_a_lock(session: Session) -> bool:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return bool(session.scalar(waiting))


def test_listeners_hear_of_each_school_and_kind_once_after_the_commit(
    session: Session, session_as: SessionAs, settings: Settings
) -> None:
    one, other = a_small_school(session), a_small_school(session)
    url = settings.database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")

        ingest = session_as("ingest", one.school.id, other.school.id)
        batch = [
            sent(one.gate, a_tap(1), a_tap(2, at=MORNING + minutes(1))),
            sent(other.gate, a_tap(card="stranger")),
        ]
        record_taps(ingest, batch, now=MORNING + minutes(2))
        before = list(listener.notifies(timeout=0.1))
        ingest.commit()
        heard = [json.loads(one.payload) for one in listener.notifies(timeout=5, stop_after=3)]

    assert before == []
    assert heard == [
        {"school": one.school.id, "kind": "notifications"},
        {"school": one.school.id, "kind": "taps"},
        {"school": other.school.id, "kind": "taps"},
    ]
