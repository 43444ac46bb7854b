"""Signing in to the API, renewing, signing out: over HTTP, with real passwords."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.accounts.models import AuditEntry, Membership, User
from central.accounts.passwords import hash_password
from central.schools.models import School
from tests.builders import MORNING, a_school, a_user
from tests.central.api import Caller, a_member

PASSWORD = "correcto caballo batería"
HASH = hash_password(PASSWORD)


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session)


@pytest.fixture
def director(session: Session, school: School) -> User:
    return a_member(session, school, "director", password_hash=HASH)


def post(app: APIFlask, path: str, **body: Any) -> TestResponse:
    return app.test_client().post(f"/api/v1/auth/{path}", json=body)


def sign_in(app: APIFlask, person: User, **more: Any) -> TestResponse:
    return post(app, "token", email=person.email, password=PASSWORD, **more)


def tokens(response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json  # type: ignore[assignment]  # it is an object
    return body


def test_a_password_opens_the_api(app: APIFlask, director: User, school: School) -> None:
    body = tokens(sign_in(app, director))

    me: Any = Caller(app, body["access_token"]).get("/me").json
    assert (me["id"], me["school"]["id"]) == (director.id, school.id)
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)


def test_signing_in_is_recorded(app: APIFlask, session: Session, director: User) -> None:
    sign_in(app, director)

    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.actor_id, entry.action) == (director.id, "opened_api")


def test_wrong_password_and_unknown_person_get_the_same_answer(
    app: APIFlask, director: User
) -> None:
    wrong = post(app, "token", email=director.email, password="not it")
    unknown = post(app, "token", email="nobody@colegio.example", password="not it")

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.headers["WWW-Authenticate"].startswith("Bearer")
    assert {**_json(wrong), "request_id": ""} == {**_json(unknown), "request_id": ""}


def test_guessing_is_slowed_down(app: APIFlask, session: Session, school: School) -> None:
    person = a_member(session, school, "director", password_hash=HASH)

    answers = [post(app, "token", email=person.email, password="not it") for _ in range(9)]

    assert [answer.status_code for answer in answers] == [401] * 8 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[-1].mimetype == "application/problem+json"


def test_a_disabled_account_cannot_sign_in(app: APIFlask, session: Session, director: User) -> None:
    session.get_one(User, director.id).disabled_at = MORNING
    session.commit()

    assert sign_in(app, director).status_code == 401


def test_guardians_and_people_without_a_school_are_not_let_in(
    app: APIFlask, session: Session, school: School
) -> None:
    guardian = a_member(session, school, "guardian", password_hash=HASH)
    stranger = a_user(session, password_hash=HASH)
    session.commit()

    for person in (guardian, stranger):
        response = sign_in(app, person)
        assert response.status_code == 403
        assert _json(response)["code"] == "not_allowed"


def test_a_person_of_two_schools_says_which(
    app: APIFlask, session: Session, school: School, director: User
) -> None:
    other, foreign = a_school(session), a_school(session)
    session.commit()
    a_second_membership(session, other, director)

    unsaid, said = sign_in(app, director), sign_in(app, director, school=other.id)
    elsewhere = sign_in(app, director, school=foreign.id)

    assert unsaid.status_code == elsewhere.status_code == 422
    assert _json(unsaid)["errors"][0]["field"] == "school"
    assert f"{school.id} {school.name}" in _json(unsaid)["detail"]
    assert foreign.name not in _json(elsewhere)["detail"]
    me: Any = Caller(app, tokens(said)["access_token"]).get("/me").json
    assert (me["school"]["id"], me["roles"]) == (other.id, ["teacher"])


def test_a_refresh_token_renews_once_and_again_ends_the_chain(
    app: APIFlask, director: User
) -> None:
    first = tokens(sign_in(app, director))
    second = tokens(post(app, "refresh", refresh_token=first["refresh_token"]))
    assert Caller(app, second["access_token"]).get("/me").status_code == 200

    again = post(app, "refresh", refresh_token=first["refresh_token"])
    newest = post(app, "refresh", refresh_token=second["refresh_token"])

    assert again.status_code == newest.status_code == 401
    assert _json(again)["code"] == "wrong_credentials"


def test_signing_out_ends_the_chain_and_tells_nothing(app: APIFlask, director: User) -> None:
    refresh = tokens(sign_in(app, director))["refresh_token"]

    good = post(app, "revoke", refresh_token=refresh)
    unknown = post(app, "revoke", refresh_token="x" * 43)

    assert (good.status_code, good.data) == (unknown.status_code, unknown.data) == (204, b"")
    assert post(app, "refresh", refresh_token=refresh).status_code == 401


def test_an_access_token_does_not_renew_and_a_refresh_token_does_not_open(
    app: APIFlask, director: User
) -> None:
    body = tokens(sign_in(app, director))

    assert post(app, "refresh", refresh_token=body["access_token"]).status_code == 422
    assert Caller(app, body["refresh_token"]).get("/me").status_code == 401


def test_tokens_are_not_kept_by_any_cache(app: APIFlask, director: User) -> None:
    response = sign_in(app, director)

    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers


def a_second_membership(session: Session, school: School, person: User) -> None:
    session.add(Membership(school_id=school.id, user_id=person.id, role="teacher"))
    session.commit()


def _json(response: TestResponse) -> dict[str, Any]:
    body: dict[str, Any] = response.json  # type: ignore[assignment]  # it is an object
    return body
