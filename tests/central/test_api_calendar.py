"""The calendar by the API: what holds on a date, and changing it with a look beforehand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.attendance.service import refresh_school_days
from central.calendar.models import CalendarException
from central.notifications.models import Notification
from tests.builders import SCHOOL_DAY
from tests.central.api import Caller, Morning, a_caller_as, a_morning
from tests.central.desk import actions, rows_of

TODAY = datetime.now(UTC).astimezone(ZoneInfo("America/Santiago")).date()
MONDAY = TODAY + timedelta(days=7 - TODAY.weekday())
WEDNESDAY = MONDAY + timedelta(days=2)
USUAL = {"starts_at": "08:00", "ends_at": "15:30", "tolerance_minutes": 5, "reason": None}
CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/exceptions", {"kind": "holiday", "from": "2026-06-01", "to": "2026-06-01", "reason": "x"}),
    ("/exceptions/1/cancellation", {}),
    ("/weekly-hours", {"courses": [1], "from": "2026-06-01", "weekdays": [{"weekday": 1}]}),
)


@pytest.fixture
def morning(session: Session) -> Morning:
    return a_morning(session)


@pytest.fixture
def director(app: APIFlask, session: Session, morning: Morning) -> Caller:
    return a_caller_as(app, session, morning.school, "director")


def body(on: date = WEDNESDAY, **changes: Any) -> dict[str, Any]:
    values = {
        "kind": "suspension",
        "from": on.isoformat(),
        "to": on.isoformat(),
        "reason": "Corte de agua",
    }
    return values | changes


def put(caller: Caller, path: str, content: dict[str, Any]) -> TestResponse:
    headers = {"Authorization": f"Bearer {caller.token}"}
    return caller.app.test_client().put(f"/api/v1{path}", json=content, headers=headers)


def content_of(answer: TestResponse) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json  # type: ignore[assignment]  # it is JSON
    return found


def hours_on(caller: Caller, on: date) -> dict[int, dict[str, Any]]:
    return {
        item.pop("course_id"): item for item in caller.items("/calendar/hours", date=on.isoformat())
    }


def test_the_hours_of_a_date_count_the_week_and_the_exceptions(
    morning: Morning, director: Caller
) -> None:
    first, second = morning.first.course_id, morning.second.course_id
    early = body(kind="early_leave", ends_at="12:00", courses=[first])
    assert director.post("/calendar/exceptions", early).status_code == 201

    assert hours_on(director, WEDNESDAY) == {
        first: USUAL | {"ends_at": "12:00"},
        second: USUAL,
    }
    assert hours_on(director, WEDNESDAY + timedelta(days=3))[first] == {
        "starts_at": None,
        "ends_at": None,
        "tolerance_minutes": None,
        "reason": "weekday",
    }
    only = director.items("/calendar/hours", date=WEDNESDAY.isoformat(), course=second)
    assert [item["course_id"] for item in only] == [second]


def test_an_exception_is_shown_then_made_then_taken_back(
    session: Session, morning: Morning, director: Caller
) -> None:
    preview = content_of(director.post("/calendar/exceptions/preview", body()))
    assert rows_of(session, CalendarException) == 0

    made = content_of(director.post("/calendar/exceptions", body(tell_families=True)))
    [exception] = made["items"]
    shown = content_of(director.get(f"/calendar/exceptions/{exception['id']}/cancellation/preview"))
    taken = content_of(director.post(f"/calendar/exceptions/{exception['id']}/cancellation", {}))

    assert (preview["courses"], preview["students"], preview["messages"]) == (2, 2, 1)
    [change] = preview["changes"]
    assert (change["before"], change["after"]["reason"]) == (USUAL, "suspension")
    assert change["dates"] == [WEDNESDAY.isoformat()]
    assert made["messages"] == exception["told_messages"] == rows_about(session) == 1
    assert [shown["changes"][0][side] for side in ("after", "before")] == [
        change["before"],
        change["after"],
    ]
    assert taken["cancelled_at"] is not None
    assert hours_on(director, WEDNESDAY)[morning.first.course_id] == USUAL
    again = director.post(f"/calendar/exceptions/{exception['id']}/cancellation", {})
    assert (again.status_code, again.json["detail"]) == (409, "cancelled_already")  # type: ignore[index]
    assert actions(session) == ["added_exception", "told_exception", "cancelled_exception"]


def rows_about(session: Session) -> int:
    kinds = session.scalars(select(Notification.kind)).all()
    return sum(kind == "calendar_change" for kind in kinds)


def test_a_past_day_says_how_many_days_are_other(
    session: Session, morning: Morning, director: Caller
) -> None:
    refresh_school_days(session, morning.school.id, SCHOOL_DAY, SCHOOL_DAY)
    session.commit()

    preview = content_of(director.post("/calendar/exceptions/preview", body(SCHOOL_DAY)))
    made = content_of(director.post("/calendar/exceptions", body(SCHOOL_DAY)))

    assert (preview["days"], preview["tapped"]) == (2, 2)
    assert made["changed_days"] == 2


def test_exceptions_are_listed_by_dates_and_course(morning: Morning, director: Caller) -> None:
    first, second = morning.first.course_id, morning.second.course_id
    later = WEDNESDAY + timedelta(days=7)
    for asked in (body(), body(courses=[first]), body(later, courses=[second])):
        assert director.post("/calendar/exceptions", asked).status_code == 201

    def scopes(**query: Any) -> list[int | None]:
        return [item["course_id"] for item in director.items("/calendar/exceptions", **query)]

    assert scopes() == [None, first, second]
    assert scopes(course=first) == [None, first]
    assert scopes(**{"from": later.isoformat()}) == [second]
    assert scopes(to=WEDNESDAY.isoformat()) == [None, first]
    pages = director.pages("/calendar/exceptions", limit=2)
    assert [[item["course_id"] for item in page] for page in pages] == [[None, first], [second]]


def test_weekly_hours_are_shown_then_told(morning: Morning, director: Caller) -> None:
    course = morning.first.course_id
    week = {
        "courses": [course],
        "from": MONDAY.isoformat(),
        "weekdays": [
            {"weekday": 1, "starts_at": "09:30", "ends_at": "14:00", "tolerance_minutes": 0},
            {"weekday": 3},
        ],
    }

    preview = content_of(director.post("/calendar/weekly-hours/preview", week))
    told = content_of(director.post("/calendar/weekly-hours", week))

    assert (preview["courses"], preview["students"]) == (1, 1)
    assert told == {"changed_days": 0}
    assert hours_on(director, MONDAY)[course]["starts_at"] == "09:30"
    assert hours_on(director, WEDNESDAY)[course]["reason"] == "weekday"
    rows = director.items("/calendar/weekly-hours", course=course)
    assert [row["from_on"] for row in rows if row["weekday"] == 1] == [
        "1900-01-01",
        MONDAY.isoformat(),
    ]


def test_a_school_year_is_shown_then_told(morning: Morning, director: Caller) -> None:
    year = {
        "from": "2026-03-04",
        "to": "2026-12-18",
        "terms": [
            {"name": "1", "from": "2026-03-04", "to": "2026-06-19"},
            {"name": "2", "from": "2026-07-06", "to": "2026-12-18"},
        ],
    }

    preview = content_of(director.post("/calendar/years/2026/preview", year))
    told = put(director, "/calendar/years/2026", year)

    assert told.status_code == 200
    assert all(change["after"]["reason"] == "vacation" for change in preview["changes"])
    assert hours_on(director, date(2026, 6, 24))[morning.first.course_id]["reason"] == "vacation"
    assert director.items("/calendar/years") == [
        {
            "year": 2026,
            "starts_on": "2026-03-04",
            "ends_on": "2026-12-18",
            "terms": [
                {"name": "1", "starts_on": "2026-03-04", "ends_on": "2026-06-19"},
                {"name": "2", "starts_on": "2026-07-06", "ends_on": "2026-12-18"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"to": "2020-01-01"}, "dates_do_not_fit"),
        ({"from": "9999-12-31", "to": "9999-12-31"}, "dates_do_not_fit"),
        ({"kind": "hours"}, "hours_needed"),
        ({"starts_at": "08:00"}, "hours_needed"),
        ({"kind": "hours", "starts_at": "12:00", "ends_at": "08:00"}, "hours_do_not_fit"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_reason(
    session: Session, director: Caller, changes: dict[str, Any], detail: str
) -> None:
    for path in ("/calendar/exceptions/preview", "/calendar/exceptions"):
        answer = director.post(path, body(**changes))

        assert (answer.status_code, answer.json["detail"]) == (409, detail)  # type: ignore[index]
    assert rows_of(session, CalendarException) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "party"},
        {"starts_at": "8:00"},
        {"starts_at": "24:00"},
        {"reason": ""},
        {"reason": "x" * 201},
        {"courses": ["1"]},
        {"tell_families": "yes"},
        {"colour": "red"},
    ],
)
def test_what_is_no_exception_at_all_is_refused(director: Caller, changes: dict[str, Any]) -> None:
    assert director.post("/calendar/exceptions", body(**changes)).status_code == 422


@pytest.mark.parametrize(
    ("weekdays", "first", "detail"),
    [
        ([{"weekday": 1, "starts_at": "08:00"}], MONDAY, "hours_needed"),
        ([{"weekday": 1}, {"weekday": 1}], MONDAY, "weekday_twice"),
        ([{"weekday": 1}], TODAY - timedelta(days=63), "too_far_back"),
        ([{"weekday": 1}], date(9999, 12, 31), "too_far_ahead"),
    ],
)
def test_hours_that_cannot_be_are_refused(
    morning: Morning, director: Caller, weekdays: list[Any], first: date, detail: str
) -> None:
    asked = {"courses": [morning.first.course_id], "from": first.isoformat(), "weekdays": weekdays}

    for path in ("/calendar/weekly-hours/preview", "/calendar/weekly-hours"):
        answer = director.post(path, asked)

        assert (answer.status_code, answer.json["detail"]) == (409, detail)  # type: ignore[index]


def test_another_schools_calendar_cannot_be_reached(
    app: APIFlask, session: Session, morning: Morning, director: Caller
) -> None:
    made = content_of(director.post("/calendar/exceptions", body()))["items"][0]["id"]
    other = a_morning(session)
    stranger = a_caller_as(app, session, other.school, "director")
    course = morning.first.course_id

    assert stranger.items("/calendar/exceptions") == []
    assert stranger.get(f"/calendar/exceptions/{made}").status_code == 404
    for path in (f"/calendar/exceptions/{made}/cancellation/preview",):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"/calendar/exceptions/{made}/cancellation", {}).status_code == 404
    assert stranger.post("/calendar/exceptions", body(courses=[course])).status_code == 404
    assert stranger.items("/calendar/weekly-hours", course=course) == []
    assert session.scalars(select(CalendarException.cancelled_at)).all() == [None]


@pytest.mark.parametrize(
    ("role", "sees", "changes"),
    [
        ("director", True, True),
        ("inspector", True, True),
        ("teacher", True, False),
        ("technician", False, False),
        ("operator", False, False),
    ],
)
def test_who_sees_and_who_changes(
    app: APIFlask, session: Session, morning: Morning, role: str, sees: bool, changes: bool
) -> None:
    caller = a_caller_as(app, session, morning.school, role)

    seen = [caller.get(f"/calendar/{name}") for name in ("exceptions", "years", "weekly-hours")]
    seen.append(caller.get("/calendar/hours", date="2026-06-01"))
    assert {answer.status_code for answer in seen} == {200 if sees else 403}
    refused = {caller.post(f"/calendar{path}", asked).status_code for path, asked in CHANGES}
    year = {"from": "2026-03-04", "to": "2026-12-18"}
    refused.add(put(caller, "/calendar/years/2026", year).status_code)
    assert (403 in refused) is not changes
    assert changes or refused == {403}
