"""Every failure below ``/api`` is problem+json, and says what was wrong."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.db import db
from tests.central.api import Caller, a_caller_as, a_morning

MEMBERS = {"type", "title", "status", "code", "detail", "request_id"}


@pytest.fixture
def director(app: APIFlask, session: Session) -> Caller:
    return a_caller_as(app, session, a_morning(session).school, "director")


def problem(response: TestResponse) -> dict[str, Any]:
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = response.json  # type: ignore[assignment]  # it is an object
    assert set(body) - {"errors"} == MEMBERS
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["X-Request-ID"]
    return body


def wrong_fields(response: TestResponse) -> list[tuple[str, str]]:
    assert response.status_code == 422, response.text
    return [(error["in"], error["field"]) for error in problem(response)["errors"]]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v2/students", 404),
        ("GET", "/api/v1/students/", 404),
        ("GET", "/api/v1/students/abc", 404),
        ("POST", "/api/v1/students", 405),
        ("DELETE", "/api/v1/me", 405),
        ("GET", "/api/v1/auth/token", 405),
        ("GET", "/api/v1/me", 401),
    ],
)
def test_what_is_not_there_or_not_allowed(
    app: APIFlask, method: str, path: str, status: int
) -> None:
    response = app.test_client().open(path, method=method)

    assert problem(response)["status"] == status
    assert ("Allow" in response.headers) == (status == 405)


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"email=a&password=b", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b"7", "application/json", 422),
        (b'{"email": "a@b.cl", "password": "' + b"x" * 20_000 + b'"}', "application/json", 413),
    ],
)
def test_bodies_that_cannot_be_taken(
    app: APIFlask, body: bytes, media_type: str, status: int
) -> None:
    response = app.test_client().post(
        "/api/v1/auth/token", data=body, content_type=media_type or None
    )

    assert problem(response)["status"] == status


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "x"}, "email"),
        ({"email": "no at sign", "password": "x"}, "email"),
        ({"email": "a\0@b.cl", "password": "x"}, "email"),
        ({"email": "a@b.cl", "password": ""}, "password"),
        ({"email": "a@b.cl", "password": "\ud800"}, "password"),
        ({"email": "a@b.cl", "password": "x", "school": "1"}, "school"),
        ({"email": "a@b.cl", "password": "x", "school": True}, "school"),
        ({"email": "a@b.cl", "password": "x", "school": 0}, "school"),
        ({"email": "a@b.cl", "password": "x", "remember": True}, "remember"),
    ],
)
def test_a_wrong_member_of_a_body_is_named(app: APIFlask, body: dict[str, Any], field: str) -> None:
    response = app.test_client().post("/api/v1/auth/token", json=body)

    assert wrong_fields(response) == [("body", field)]
    assert problem(response)["detail"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/students", {"limit": "0"}, "limit"),
        ("/students", {"limit": "201"}, "limit"),
        ("/students", {"limit": "1_0"}, "limit"),
        ("/students", {"limit": " 5"}, "limit"),
        ("/students", {"limit": "5.0"}, "limit"),
        ("/students", {"limit": ""}, "limit"),
        ("/students", {"cursor": ""}, "cursor"),
        ("/students", {"cursor": "AAAA"}, "cursor"),
        ("/students", {"cursor": "A" * 10 + "="}, "cursor"),
        ("/students", {"cursor": "A" * 16}, "cursor"),
        ("/attendance-days", {"cursor": "A" * 11}, "cursor"),
        ("/students", {"course": str(2**53)}, "course"),
        ("/students", {"course": "-1"}, "course"),
        ("/students", {"q": ""}, "q"),
        ("/students", {"q": "a\0b"}, "q"),
        ("/students", {"curso": "1"}, "curso"),
        ("/taps", {"date": "today"}, "date"),
        ("/taps", {"date": "1772582400"}, "date"),
        ("/taps", {"date": "2026-03-04T00:00:00"}, "date"),
        ("/taps", {"date": "2026-02-30"}, "date"),
        ("/attendance-days", {"from": "2026-3-4"}, "from"),
        ("/attendance-days", {"status": "PRESENT"}, "status"),
        ("/attendance-days", {"first": "2026-03-04"}, "first"),
        ("/notifications", {"status": "lost"}, "status"),
        ("/gates", {"gate": "1"}, "gate"),
        ("/me", {"x": "1"}, "x"),
        ("/students/1", {"x": "1"}, "x"),
    ],
)
def test_a_wrong_or_unknown_parameter_is_named(
    director: Caller, path: str, query: dict[str, str], field: str
) -> None:
    assert wrong_fields(director.get(path, **query)) == [("query", field)]


def test_a_parameter_given_twice_is_refused(director: Caller) -> None:
    assert wrong_fields(director.get("/taps", gate=["1", "2"])) == [("query", "gate")]


def test_an_id_beyond_what_a_number_can_hold_is_named(director: Caller) -> None:
    assert wrong_fields(director.get(f"/students/{2**70}")) == [("path", "student_id")]


def test_a_fault_of_ours_says_no_more_than_that(app: APIFlask) -> None:
    def fault() -> str:
        raise RuntimeError("a secret detail")

    app.add_url_rule("/api/v1/fault", view_func=fault)
    app.config["PROPAGATE_EXCEPTIONS"] = False

    response = app.test_client().get("/api/v1/fault")

    assert problem(response)["status"] == 500
    assert "secret" not in response.text


def test_a_statement_that_takes_too_long_is_given_up(app: APIFlask) -> None:
    def slow() -> str:
        limits.append(db.session.scalar(text("SHOW statement_timeout")))
        db.session.execute(text("SET LOCAL statement_timeout = '10ms'"))
        db.session.execute(text("SELECT pg_sleep(20)"))
        return "never"

    limits: list[str] = []
    app.add_url_rule("/api/v1/slow", view_func=slow)

    response = app.test_client().get("/api/v1/slow")

    assert limits == ["20s"]
    assert problem(response)["status"] == 503
    assert response.headers["Retry-After"] == "5"


@pytest.mark.parametrize("cursor", ["_" * 11, "-" * 11, "A" * 11])
def test_every_well_formed_cursor_means_some_place(director: Caller, cursor: str) -> None:
    assert director.get("/students", cursor=cursor).status_code == 200


@pytest.mark.parametrize("cursor", ["_" * 16, "-" * 16, "A" * 16])
def test_every_well_formed_cursor_of_days_does_too(director: Caller, cursor: str) -> None:
    assert director.get("/attendance-days", cursor=cursor).status_code == 200
