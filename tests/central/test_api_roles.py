"""Who may read what: by role, by course, by school; and that only a bearer is let in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session

from central.accounts.models import Membership, User, WebSession
from central.accounts.queries import token_hash
from central.accounts.tokens import ACCESS_LIFETIME, Claims, Signer
from tests.builders import MORNING
from tests.central.api import (
    Caller,
    Morning,
    a_caller,
    a_caller_as,
    a_member,
    a_morning,
    taught_by,
)
from tests.central.conftest import SECRET

LISTS = ("/students", "/taps", "/attendance-days", "/notifications", "/gates")


@pytest.fixture
def morning(session: Session) -> Morning:
    return a_morning(session)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("director", {*LISTS}),
        ("inspector", {*LISTS}),
        ("teacher", {"/students", "/taps", "/attendance-days"}),
        ("technician", {"/students", "/gates"}),
        ("operator", {"/gates"}),
    ],
)
def test_each_role_reads_what_its_work_needs(
    app: APIFlask, session: Session, morning: Morning, role: str, allowed: set[str]
) -> None:
    caller = a_caller_as(app, session, morning.school, role)

    answers = {path: caller.get(path) for path in LISTS}

    assert {path for path, answer in answers.items() if answer.status_code == 200} == allowed
    refused = [answer for answer in answers.values() if answer.status_code != 200]
    assert all(answer.status_code == 403 for answer in refused)
    assert all(answer.json["code"] == "not_allowed" for answer in refused)  # type: ignore[index]


def test_several_roles_add_up(app: APIFlask, session: Session, morning: Morning) -> None:
    caller = a_caller_as(app, session, morning.school, "teacher", "technician")

    assert caller.get("/gates").status_code == 200
    assert caller.get("/taps").status_code == 200


def test_a_teacher_sees_the_own_courses_only(
    app: APIFlask, session: Session, morning: Morning
) -> None:
    teacher = a_member(session, morning.school, "teacher")
    taught_by(session, teacher, morning.second)
    caller = a_caller(app, morning.school, teacher)
    own, other = morning.second.id, morning.first.id

    assert [student["id"] for student in caller.items("/students")] == [own]
    assert [tap["student_id"] for tap in caller.items("/taps")] == [own]
    assert [day["student_id"] for day in caller.items("/attendance-days")] == [own]
    assert caller.items("/students", course=morning.first.course_id) == []
    assert caller.items("/taps", student=other) == []
    assert caller.items("/attendance-days", student=other) == []
    assert caller.get(f"/students/{own}").status_code == 200
    assert caller.get(f"/students/{other}").status_code == 404


def test_a_teacher_without_courses_sees_no_child(
    app: APIFlask, session: Session, morning: Morning
) -> None:
    caller = a_caller_as(app, session, morning.school, "teacher")

    assert caller.items("/students") == caller.items("/taps") == []


def test_another_school_cannot_be_reached(
    app: APIFlask, session: Session, morning: Morning
) -> None:
    other = a_morning(session)
    caller = a_caller_as(app, session, other.school, "director")
    own = {other.first.id, other.second.id}

    assert {student["id"] for student in caller.items("/students")} == own
    for path in ("/taps", "/attendance-days", "/notifications"):
        assert {item["student_id"] for item in caller.items(path)} <= own | {None}
    assert [gate["id"] for gate in caller.items("/gates")] == [other.gate.id]
    assert caller.get(f"/students/{morning.first.id}").status_code == 404
    assert caller.items("/taps", student=morning.first.id) == []
    assert caller.items("/taps", gate=morning.gate.id) == []
    assert caller.items("/students", course=morning.first.course_id) == []


def test_a_token_for_a_school_of_somebody_else_opens_nothing(
    app: APIFlask, session: Session, morning: Morning
) -> None:
    other = a_morning(session)
    stranger = a_member(session, other.school, "director")

    assert a_caller(app, morning.school, stranger).get("/students").status_code == 401


def test_losing_the_role_or_the_account_takes_effect_at_once(
    app: APIFlask, session: Session, morning: Morning
) -> None:
    leaves = a_member(session, morning.school, "director")
    disabled = a_member(session, morning.school, "director")
    callers = [a_caller(app, morning.school, person) for person in (leaves, disabled)]
    assert all(caller.get("/me").status_code == 200 for caller in callers)

    session.delete(session.get_one(Membership, (morning.school.id, leaves.id, "director")))
    session.get_one(User, disabled.id).disabled_at = MORNING
    session.commit()

    assert all(caller.get("/me").status_code == 401 for caller in callers)


def test_an_expired_token_is_refused(app: APIFlask, session: Session, morning: Morning) -> None:
    person = a_member(session, morning.school, "director")
    claims = Claims(person.id, morning.school.id, frozenset({"director"}))
    old = datetime.now(UTC) - ACCESS_LIFETIME - timedelta(seconds=1)

    response = Caller(app, Signer(SECRET).issue(claims, now=old)).get("/me")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="school-attendance"'


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic dXNlcjpwYXNz", "bearer  a.b.c", "ñ"]
)
def test_without_a_good_bearer_nothing_opens(app: APIFlask, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    for path in ("/me", *LISTS, "/students/1"):
        response = app.test_client().get(f"/api/v1{path}", headers=headers)
        assert response.status_code == 401
        assert response.mimetype == "application/problem+json"


def test_the_cookie_of_a_signed_in_browser_means_nothing_here(
    app: APIFlask, session: Session, morning: Morning
) -> None:
    person = a_member(session, morning.school, "director")
    now = datetime.now(UTC)
    session.add(
        WebSession(
            token_hash=token_hash("cookie"),
            user_id=person.id,
            school_id=morning.school.id,
            last_seen_at=now,
            expires_at=now + timedelta(days=1),
        )
    )
    session.commit()
    client = app.test_client()
    client.set_cookie(app.config["SIGN_IN_COOKIE"], "cookie")

    assert client.get("/app/sessions").status_code == 200
    assert client.get("/api/v1/me").status_code == 401


def test_personal_data_is_not_kept_by_any_cache(
    app: APIFlask, session: Session, morning: Morning
) -> None:
    caller = a_caller_as(app, session, morning.school, "director")

    for path in ("/me", *LISTS):
        assert caller.get(path).headers["Cache-Control"] == "no-store"
