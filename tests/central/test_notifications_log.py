"""The message log: what a page shows, filtered and paged, with the web's own rights."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from central.errors import NotFound
from central.notifications.queries import (
    LogFilter,
    counts_by_status,
    logged_message,
    message_log,
)
from tests.builders import SCHOOL_DAY
from tests.central.messages import SEEN, a_family, queued

ALL = LogFilter()
WRITTEN = datetime(2026, 3, 4, 11, 8, tzinfo=UTC)


def test_a_message_shows_who_was_told_what_when_and_how_far_it_got(
    session: Session, session_as: Callable[..., Session]
) -> None:
    family = a_family(session, phone="+56940001234", gate="Puerta Norte")
    queued(
        session,
        family,
        fact_at=SEEN,
        on_date=SCHOOL_DAY,
        created_at=WRITTEN,
        status="failed",
        error_code=131026,
        error="Message undeliverable",
        attempts=1,
    )

    (shown,) = message_log(session_as("web", family.school.id), family.school.id, ALL).messages

    assert shown.text == (
        "Te informamos que Sofía ingresó al colegio a las 8:07 por Puerta Norte."
        " Aviso automático del colegio."
    )
    assert (shown.given_names, shown.family_names) == ("Sofía", "Rojas Muñoz")
    assert shown.guardian == family.guardian.full_name
    assert shown.phone_end == "1234"
    assert (shown.status, shown.error_code, shown.error) == (
        "failed",
        131026,
        "Message undeliverable",
    )


def test_the_newest_come_first_and_pages_join_without_gap_or_overlap(session: Session) -> None:
    family = a_family(session)
    rows = [
        queued(session, family, created_at=WRITTEN + timedelta(minutes=number // 2))
        for number in range(7)
    ]

    pages, before = [], None
    while True:
        page = message_log(session, family.school.id, ALL, before=before, limit=3)
        pages.append([message.id for message in page.messages])
        before = page.older
        if before is None:
            break

    newest_first = [row.id for row in reversed(rows)]
    assert pages == [newest_first[:3], newest_first[3:6], newest_first[6:]]


def test_a_new_message_does_not_shift_the_next_page(session: Session) -> None:
    family = a_family(session)
    rows = [queued(session, family) for _ in range(4)]
    first = message_log(session, family.school.id, ALL, limit=2)

    queued(session, family)
    second = message_log(session, family.school.id, ALL, before=first.older, limit=2)

    assert [message.id for message in second.messages] == [rows[1].id, rows[0].id]


def test_an_empty_log_has_one_empty_page(session: Session) -> None:
    family = a_family(session)

    page = message_log(session, family.school.id, ALL)

    assert (list(page.messages), page.older) == ([], None)


@pytest.mark.parametrize(
    ("only", "shown"),
    [
        (LogFilter(statuses=["sent"]), {"sent"}),
        (LogFilter(statuses=["sent", "failed"]), {"sent", "failed"}),
        (LogFilter(statuses=[]), set()),
        (LogFilter(on_date=SCHOOL_DAY), {"sent", "queued"}),
        (LogFilter(on_date=SCHOOL_DAY, statuses=["sent"]), {"sent"}),
        (LogFilter(on_date=date(2020, 1, 1)), set()),
    ],
)
def test_a_filter_shows_only_what_was_asked_for(
    session: Session, only: LogFilter, shown: set[str]
) -> None:
    family = a_family(session)
    queued(session, family, status="sent", on_date=SCHOOL_DAY)
    queued(session, family, status="queued", on_date=SCHOOL_DAY)
    queued(session, family, status="failed", on_date=SCHOOL_DAY - timedelta(days=1))

    page = message_log(session, family.school.id, only)

    assert {message.status for message in page.messages} == shown


def test_a_students_messages_are_told_from_the_others(session: Session) -> None:
    first = a_family(session)
    second = a_family(session, school=first.school)
    wanted = queued(session, first)
    queued(session, second)

    page = message_log(session, first.school.id, LogFilter(student_id=first.student.id))

    assert [message.id for message in page.messages] == [wanted.id]


def test_another_schools_messages_are_never_shown(
    session: Session, session_as: Callable[..., Session]
) -> None:
    mine, other = a_family(session), a_family(session)
    queued(session, mine)
    foreign = queued(session, other)
    web = session_as("web", mine.school.id)

    by_another_id = message_log(web, other.school.id, ALL)

    assert list(by_another_id.messages) == []
    with pytest.raises(NotFound):
        logged_message(web, other.school.id, foreign.id)
    with pytest.raises(NotFound):
        logged_message(web, mine.school.id, foreign.id)


def test_one_message_is_found_by_its_id(session: Session) -> None:
    family = a_family(session)
    row = queued(session, family)

    assert logged_message(session, family.school.id, row.id).id == row.id


def test_a_days_messages_are_counted_by_where_they_stand(session: Session) -> None:
    family = a_family(session)
    for status in ("sent", "sent", "failed"):
        queued(session, family, status=status, on_date=SCHOOL_DAY)
    queued(session, family, status="sent", on_date=SCHOOL_DAY - timedelta(days=1))

    counts = counts_by_status(session, family.school.id, SCHOOL_DAY)

    assert counts == {"sent": 2, "failed": 1}


def test_a_page_in_the_log_of_a_year_reads_only_its_own_rows(session: Session) -> None:
    """The log keeps growing; its pages may not get slower."""
    family = a_family(session)
    row = queued(session, family, on_date=SCHOOL_DAY, created_at=WRITTEN)
    names = "school_id, student_id, guardian_id, gate_id, kind, fact_at, due_at"
    session.connection().exec_driver_sql(
        f"INSERT INTO notifications ({names}, on_date, ordinal, created_at)"
        f" SELECT {names}, on_date - day, 1000 + n, created_at - make_interval(days => day)"
        f" FROM notifications, generate_series(1, 60) day, generate_series(1, 100) n"
        f" WHERE id = {row.id}"
    )
    session.connection().exec_driver_sql("ANALYZE notifications")

    def read(page: Callable[[], object]) -> int:
        before = touched(session)
        page()
        return touched(session) - before

    school_id = family.school.id
    newest = read(lambda: message_log(session, school_id, ALL, limit=20))
    today = read(lambda: message_log(session, school_id, LogFilter(on_date=SCHOOL_DAY)))
    count = read(lambda: counts_by_status(session, school_id, SCHOOL_DAY))

    assert newest < 100
    assert today < 400  # it passes the day before, which the time zones' margin includes
    assert count < 400


def touched(session: Session) -> int:
    """How many rows of the table this transaction has read so far."""
    query = (
        "SELECT pg_stat_get_xact_tuples_returned('notifications'::regclass)"
        " + pg_stat_get_xact_tuples_fetched('notifications'::regclass)"
    )
    return int(session.connection().exec_driver_sql(query).scalar_one())
