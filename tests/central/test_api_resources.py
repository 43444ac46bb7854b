"""What each resource lists, how filters choose, and how pages follow one another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session

from tests.builders import MORNING, SCHOOL_DAY, a_course, a_gate, a_student
from tests.central.api import (
    Caller,
    Morning,
    a_caller_as,
    a_morning,
    day_of,
    message_about,
    tap_of,
)


@pytest.fixture
def morning(session: Session) -> Morning:
    return a_morning(session)


@pytest.fixture
def director(app: APIFlask, session: Session, morning: Morning) -> Caller:
    return a_caller_as(app, session, morning.school, "director")


def ids(items: list[dict[str, Any]]) -> list[int]:
    return [item["id"] for item in items]


def test_me_is_the_person_the_school_and_what_the_roles_allow(
    director: Caller, morning: Morning
) -> None:
    body: Any = director.get("/me").json

    assert body["school"] == {
        "id": morning.school.id,
        "name": morning.school.name,
        "timezone": "America/Santiago",
    }
    assert body["roles"] == ["director"]
    assert {"see_attendance", "see_messages"} <= set(body["permissions"])


def test_students_come_with_their_course(director: Caller, morning: Morning) -> None:
    first = director.items("/students")[0]

    assert first["id"] == morning.first.id
    assert first["given_names"] == "Sofía"
    assert first["course"]["id"] == morning.first.course_id
    assert first["left_on"] is None


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("sofia", ["Sofía"]),
        ("SOFÍA", ["Sofía"]),
        ("nusta", ["Ñusta"]),
        ("munoz ros", []),
        ("munoz sofi", ["Sofía"]),
        ("rojas", ["Sofía", "Ñusta"]),
        ("%", []),
        ("_", []),
        ("nobody", []),
    ],
)
def test_a_search_takes_words_without_accents_and_nothing_as_a_wildcard(
    director: Caller, q: str, found: list[str]
) -> None:
    assert [item["given_names"] for item in director.items("/students", q=q)] == found


def test_students_of_one_course(director: Caller, morning: Morning) -> None:
    items = director.items("/students", course=morning.second.course_id)

    assert ids(items) == [morning.second.id]


def test_one_student(director: Caller, morning: Morning) -> None:
    assert director.get(f"/students/{morning.second.id}").json == director.items("/students")[1]
    assert director.get("/students/999999").status_code == 404


def test_a_tap_says_what_it_was_taken_for_and_why(
    director: Caller, session: Session, morning: Morning
) -> None:
    tap_of(session, morning, morning.first, 4, after=0.5)
    tap_of(session, morning, morning.first, 5, after=300)
    session.commit()

    taps = director.items("/taps", student=morning.first.id)

    entry = {"direction": "entry", "reason": "sequence", "ordinal": 1, "repeat": False}
    assert [tap["meaning"] for tap in taps] == [
        entry,
        entry | {"repeat": True},
        entry | {"direction": "exit"},
    ]
    assert taps[0]["tapped_at"] == "2026-03-04T10:50:00Z"
    assert taps[0]["on_date"] == "2026-03-04"
    assert (taps[0]["gate"], taps[0]["device_id"]) == ("Puerta Norte", morning.device.id)


def test_the_meaning_counts_taps_that_are_on_no_page(
    director: Caller, session: Session, morning: Morning
) -> None:
    tap_of(session, morning, morning.first, 4, after=300)
    session.commit()

    pages = director.pages("/taps", student=morning.first.id, limit=1)

    assert [page[0]["meaning"]["direction"] for page in pages] == ["entry", "exit"]


def test_an_unknown_card_means_nothing(director: Caller) -> None:
    unknown = director.items("/taps")[1]

    assert (unknown["student_id"], unknown["meaning"], unknown["verdict"]) == (
        None,
        None,
        "unknown",
    )


def test_taps_by_date_and_gate(director: Caller, session: Session, morning: Morning) -> None:
    other = a_gate(session, morning.school)
    session.commit()

    assert len(director.items("/taps", date=SCHOOL_DAY, gate=morning.gate.id)) == 3
    assert director.items("/taps", gate=other.id) == []
    assert director.items("/taps", date=SCHOOL_DAY + timedelta(1)) == []


def test_attendance_days_by_date_course_student_and_status(
    director: Caller, session: Session, morning: Morning
) -> None:
    day_of(session, morning.first, on_date=SCHOOL_DAY + timedelta(1), status="late")
    session.commit()

    def found(**query: Any) -> list[tuple[str, int]]:
        items = director.items("/attendance-days", **query)
        return [(item["on_date"], item["student_id"]) for item in items]

    first, second = morning.first.id, morning.second.id
    assert found() == [("2026-03-04", first), ("2026-03-04", second), ("2026-03-05", first)]
    assert found(**{"from": "2026-03-05"}) == [("2026-03-05", first)]
    assert found(to="2026-03-04") == [("2026-03-04", first), ("2026-03-04", second)]
    assert found(course=morning.second.course_id) == [("2026-03-04", second)]
    assert found(student=first, status="late") == [("2026-03-05", first)]
    assert found(**{"from": "2026-03-05", "to": "2026-03-04"}) == []


def test_notifications_hold_ids_and_times_and_nothing_personal(
    director: Caller, morning: Morning
) -> None:
    response = director.get("/notifications")

    body: Any = response.json
    assert body["items"][0]["status"] == "delivered"
    assert body["items"][0]["guardian_id"] == morning.guardian.id
    assert "wamid" not in response.text
    assert "+569" not in response.text


def test_notifications_by_date_student_and_status(
    director: Caller, session: Session, morning: Morning
) -> None:
    failed = message_about(session, morning, ordinal=2, status="failed", error_code=131026)
    session.commit()

    assert ids(director.items("/notifications", status="failed")) == [failed.id]
    assert director.items("/notifications", student=morning.second.id) == []
    assert len(director.items("/notifications", date=SCHOOL_DAY)) == 2


def test_gates_come_with_their_devices_and_the_news_of_them(
    director: Caller, session: Session, morning: Morning
) -> None:
    morning.device.online, morning.device.status_at = True, MORNING
    a_gate(session, morning.school, name="Sin equipo")
    session.commit()

    with_device, without = director.items("/gates")

    assert with_device["devices"][0]["id"] == morning.device.id
    assert with_device["devices"][0]["online"] is True
    assert with_device["devices"][0]["status_at"] == "2026-03-04T10:50:00Z"
    assert with_device["devices"][0]["last_tap_received_at"].endswith("Z")
    assert without["devices"] == []


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
@pytest.mark.parametrize(
    "path", ["/students", "/taps", "/attendance-days", "/notifications", "/gates"]
)
def test_pages_together_are_the_list_in_order(
    director: Caller, session: Session, morning: Morning, path: str, limit: int
) -> None:
    course = a_course(session, morning.school)
    for number in range(3):
        student = a_student(session, course)
        day_of(session, student, on_date=SCHOOL_DAY - timedelta(number))
        tap_of(session, morning, student, 10 + number)
        message_about(session, morning, ordinal=2 + number)
        a_gate(session, morning.school)
    session.commit()
    whole = director.items(path)
    assert len(whole) > 3

    pages = director.pages(path, limit=limit)

    assert [item for page in pages for item in page] == whole
    assert all(len(page) == limit for page in pages[:-1])


def test_rows_added_meanwhile_shift_no_page(
    director: Caller, session: Session, morning: Morning
) -> None:
    first: Any = director.get("/taps", limit=2).json
    tap_of(session, morning, morning.first, 4, after=10)
    session.commit()

    second: Any = director.get("/taps", limit=2, cursor=first["next"]).json

    assert [tap["seq"] for tap in first["items"] + second["items"]] == [1, 2, 3, 4]
