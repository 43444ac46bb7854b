"""Ingest may do what it does and nothing else, whatever a wrong or smuggled query asks."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from tests.builders import a_tap
from tests.central.recording import SessionAs, SmallSchool, a_small_school, record, sent


@pytest.fixture
def place(session: Session) -> SmallSchool:
    return a_small_school(session)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT email FROM users",
        "SELECT * FROM memberships",
        "UPDATE site_keys SET key = ''",
        "SELECT family_names FROM students",
        "SELECT full_name FROM guardians",
        "SELECT payload FROM quarantine",
        "DELETE FROM taps",
        "UPDATE taps SET tapped_at = now()",
        "DELETE FROM notifications",
        "UPDATE notifications SET status = 'sent'",
        "UPDATE devices SET gate_id = 1",
        "UPDATE cards SET revoked_at = NULL",
        "TRUNCATE streams",
        "SELECT * FROM all_school_ids()",
        "CREATE TABLE mine (id integer)",
    ],
)
def test_what_ingest_does_not_need_is_refused(
    place: SmallSchool, session_as: SessionAs, query: str
) -> None:
    ingest = session_as("ingest", place.school.id)

    with pytest.raises(ProgrammingError, match="permission denied"):
        ingest.execute(text(query))


@pytest.mark.parametrize(
    "table",
    ["schools", "devices", "streams", "taps", "attendance_days", "notifications", "cards"],
)
def test_rows_of_a_school_that_was_not_named_are_not_there(
    session: Session, place: SmallSchool, session_as: SessionAs, table: str
) -> None:
    record(session_as("ingest", place.school.id), sent(place.gate, a_tap()))
    other = a_small_school(session)

    assert rows(session, table) > 0
    assert rows(session_as("ingest"), table) == 0
    mine = rows(session_as("ingest", other.school.id), table)
    assert mine == rows(session, table) - rows(session_as("ingest", place.school.id), table)


def rows(session: Session, table: str) -> int:
    column = "school_id" if table != "schools" else "id"  # ingest may not read every column
    return int(session.scalar(text(f"SELECT count({column}) FROM {table}")) or 0)


def test_a_row_cannot_be_written_into_another_school(
    session: Session, place: SmallSchool, session_as: SessionAs
) -> None:
    other = a_small_school(session)
    ingest = session_as("ingest", place.school.id)

    with pytest.raises(DBAPIError, match="row-level security"):
        ingest.execute(
            text("INSERT INTO streams (school_id, device_id, key) VALUES (:school, :device, 's')"),
            {"school": other.school.id, "device": other.gate},
        )


def test_a_device_tells_its_school_and_nothing_else(
    place: SmallSchool, session_as: SessionAs
) -> None:
    found = session_as("ingest").execute(
        text("SELECT * FROM schools_of_devices(:devices)"), {"devices": [place.gate, "no-such"]}
    )

    assert [tuple(row) for row in found] == [(place.gate, place.school.id)]
