"""What every answer carries, and what every form must carry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.cookies import SimpleCookie

import pytest
from apiflask import APIFlask
from flask import Blueprint
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import WebSession
from central.settings import Settings
from central.web.security import HEADERS, LARGEST_BODY
from tests.builders import a_school
from tests.central.pages import PASSWORD, Person, a_member, application, signed_in

ORIGIN = "https://colegio.example"


@pytest.fixture
def app(app: APIFlask) -> APIFlask:
    pages = Blueprint("broken_pages", __name__, url_prefix="/app/test")

    @pages.get("/broken")
    def broken() -> str:
        raise ValueError("+56 9 1234 5678 must not be shown")

    app.register_blueprint(pages)
    return app


@pytest.fixture
def by_https(settings: Settings, session: Session) -> Iterator[APIFlask]:
    with application(replace(settings, webauthn_rp_origin=ORIGIN)) as app:
        yield app


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/app/sign-in", 200),
        ("/app/", 303),
        ("/app/sign-out", 405),
        ("/nothing", 404),
        ("/api/v1/nothing", 404),
        ("/static/dist/manifest.json", 200),
        ("/static/nothing.js", 404),
        ("/app/test/broken", 500),
    ],
)
def test_every_answer_protects_the_browser(app: APIFlask, path: str, status: int) -> None:
    answer = Person(app).get(path)

    assert answer.status_code == status
    for name, value in HEADERS.items():
        if name != "Cache-Control":
            assert answer.headers[name] == value, name
    assert answer.headers["Cache-Control"]
    assert answer.headers["X-Request-ID"]


def test_the_content_policy_allows_nothing_inline_and_no_other_host() -> None:
    policy = HEADERS["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy


def test_pages_are_not_kept_by_the_browser(app: APIFlask) -> None:
    assert Person(app).get("/app/sign-in").headers["Cache-Control"] == "no-store"


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    app: APIFlask, session: Session
) -> None:
    answer = Person(app).sign_in(a_member(session, a_school(session)))

    cookie = SimpleCookie("; ".join(answer.headers.getlist("Set-Cookie")))["attendance"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert not cookie["secure"]  # the development origin is http


def test_with_https_cookies_are_bound_to_this_host_and_https_is_remembered(
    by_https: APIFlask, session: Session
) -> None:
    user = a_member(session, a_school(session))
    session.commit()
    client = by_https.test_client()
    page = client.get("/app/sign-in", base_url=ORIGIN)
    token = page.text.split('name="csrf-token" content="')[1].split('"')[0]

    answer = client.post(
        "/app/sign-in",
        base_url=ORIGIN,
        data={"email": user.email, "password": PASSWORD, "csrf_token": token},
    )

    given = [*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")]
    names = {line.partition("=")[0] for line in given}
    assert {"__Host-attendance", "__Host-attendance_form"} <= names
    assert all("Secure" in line and "HttpOnly" in line for line in given)
    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]


def test_without_https_no_browser_is_told_to_insist_on_it(app: APIFlask) -> None:
    assert "Strict-Transport-Security" not in Person(app).get("/app/sign-in").headers


def test_behind_the_proxy_the_address_is_the_one_the_proxy_saw(by_https: APIFlask) -> None:
    pages = Blueprint("address_page", __name__)

    @pages.get("/app/test/address")
    def address() -> str:
        from flask import request  # noqa: PLC0415 - the page's own

        return f"{request.remote_addr} {request.scheme}"

    by_https.register_blueprint(pages)

    answer = by_https.test_client().get(
        "/app/test/address",
        headers={"X-Forwarded-For": "6.6.6.6, 200.1.2.3", "X-Forwarded-Proto": "https"},
    )

    assert answer.text == "200.1.2.3 https"


@pytest.mark.parametrize("path", ["/app/sign-in", "/app/sign-out", "/app/display", "/app/schools"])
@pytest.mark.parametrize("token", ["", "forged"])
def test_a_form_without_its_token_changes_nothing(app: APIFlask, path: str, token: str) -> None:
    answer = Person(app).post_without_token(path, csrf_token=token)

    assert answer.status_code == 400
    assert "recárgala primero" in answer.text


def test_the_token_of_one_browser_is_worth_nothing_in_another(
    app: APIFlask, session: Session
) -> None:
    person = signed_in(app, a_member(session, a_school(session)))
    attacker = Person(app)

    answer = person.post_without_token("/app/sign-out", csrf_token=attacker.form_token())

    assert answer.status_code == 400
    assert session.scalars(select(WebSession.revoked_at)).one() is None


def test_htmx_sends_the_token_as_a_header(app: APIFlask) -> None:
    person = Person(app)

    answer = person.client.post(
        "/app/display", data={"theme": "dark"}, headers={"X-CSRFToken": person.form_token()}
    )

    assert answer.status_code == 303
    assert person.cookie("theme") == "dark"


def test_json_alone_does_not_open_a_form(app: APIFlask) -> None:
    assert Person(app).client.post("/app/display", json={"theme": "dark"}).status_code == 400


def test_other_sites_may_call_the_api_only_if_named(settings: Settings, session: Session) -> None:
    with application(replace(settings, cors_origins=(ORIGIN,))) as app:
        named = Person(app).get("/api/v1/nothing", Origin=ORIGIN)
        strange = Person(app).get("/api/v1/nothing", Origin="https://evil.example")
        page = Person(app).get("/app/sign-in", Origin=ORIGIN)

    assert named.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Origin" in named.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in strange.headers
    assert "Access-Control-Allow-Origin" not in page.headers
    assert "Access-Control-Allow-Credentials" not in named.headers


def test_an_empty_list_of_origins_is_any(app: APIFlask) -> None:
    answer = Person(app).get("/api/v1/nothing", Origin="https://anybody.example")

    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_an_error_page_says_what_to_do_and_shows_nothing_inside(app: APIFlask) -> None:
    answer = Person(app).get("/app/test/broken", X_Request_ID="abcd-1234")

    assert "Algo falló de nuestro lado" in answer.text
    assert "Código: abcd-1234" in answer.text
    assert "1234 5678" not in answer.text
    assert "Traceback" not in answer.text


def test_a_request_id_that_could_forge_log_lines_is_replaced(app: APIFlask) -> None:
    answer = Person(app).get("/app/sign-in", X_Request_ID="a b<script>")

    assert len(answer.headers["X-Request-ID"]) == 32


def test_the_api_answers_errors_as_problems(app: APIFlask) -> None:
    answer = Person(app).get("/api/v1/nothing", X_Request_ID="abcd-1234")

    assert answer.mimetype == "application/problem+json"
    problem = json.loads(answer.text)
    assert (problem["status"], problem["code"]) == (404, "not_found")
    assert problem["request_id"] == "abcd-1234"


def test_a_body_too_large_is_refused(app: APIFlask) -> None:
    answer = Person(app).client.post(
        "/app/sign-in", data={"email": "x" * LARGEST_BODY, "password": "x"}
    )

    assert answer.status_code == 413
    assert "demasiado grande" in answer.text


def test_without_database_people_are_told_to_wait(settings: Settings, session: Session) -> None:
    nowhere = "postgresql://nobody:x@127.0.0.1:1/none"
    with application(replace(settings, database_url_override=nowhere)) as app:
        person = Person(app)
        person.client.set_cookie("attendance", "whatever")

        answer = person.get("/app/")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "El sistema no está listo" in answer.text


def test_a_browser_may_ask_before_calling_the_api(app: APIFlask) -> None:
    answer = Person(app).client.options(
        "/api/v1/me",
        headers={"Origin": ORIGIN, "Access-Control-Request-Headers": "authorization"},
    )

    assert answer.status_code == 200
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
