"""Signing in and out through the pages: real application, real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import WebSession
from central.accounts.rules import ABSOLUTE_LIMIT, IDLE_LIMIT
from central.web.access import local_path
from tests.builders import a_school
from tests.central.pages import Person, a_member, make_older, signed_in, with_pages

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1"


@pytest.fixture
def app(app: APIFlask) -> APIFlask:
    return with_pages(app)


def test_signing_in_leads_where_the_person_wanted_to_go(app: APIFlask, session: Session) -> None:
    user = a_member(session, a_school(session))
    person = Person(app)

    sent_away = person.get("/app/test/students?course=3")
    answer = person.post(
        sent_away.location, email=user.email, password="una clave larga", next="/app/test/students"
    )

    assert sent_away.status_code == 303
    assert sent_away.location == "/app/sign-in?next=/app/test/students?course%3D3"
    assert (answer.status_code, answer.location) == (303, "/app/test/students")
    assert person.get("/app/test/students").status_code == 200


def test_the_name_is_taken_as_people_type_it(app: APIFlask, session: Session) -> None:
    a_member(session, a_school(session), email="directora@colegio.example")

    answer = Person(app).post(
        "/app/sign-in", email=" Directora@Colegio.example ", password="una clave larga"
    )

    assert answer.status_code == 303


@pytest.mark.parametrize("known", [True, False])
def test_a_refusal_is_the_same_page_for_known_and_unknown_people(
    app: APIFlask, session: Session, known: bool
) -> None:
    user = a_member(session, a_school(session))
    person = Person(app)
    email = user.email if known else "nadie@colegio.example"

    answer = person.post("/app/sign-in", email=email, password="mala")

    assert answer.status_code == 401
    assert "El correo y la clave no coinciden" in answer.text
    assert 'role="alert"' in answer.text
    assert person.cookie() is None
    assert "mala" not in answer.text


def test_a_new_sign_in_gets_a_new_token_and_ends_the_old_session_of_the_browser(
    app: APIFlask, session: Session
) -> None:
    user = a_member(session, a_school(session))
    person = signed_in(app, user)
    first, form_token = person.cookie(), person.form_token()

    person.client.post(
        "/app/sign-in",
        data={"email": user.email, "password": "una clave larga", "csrf_token": form_token},
    )

    assert person.cookie() not in (None, first)
    assert (
        len(session.scalars(select(WebSession).where(WebSession.revoked_at.is_(None))).all()) == 1
    )
    person.client.set_cookie("attendance", first or "")
    assert person.get("/app/test/students").status_code == 303
    assert person.post_without_token("/app/display", csrf_token=form_token).status_code == 400


def test_signing_out_ends_the_session_itself_not_only_the_cookie(
    app: APIFlask, session: Session
) -> None:
    person = signed_in(app, a_member(session, a_school(session)))
    stolen = person.cookie()

    answer = person.post("/app/sign-out")

    assert (answer.status_code, answer.location) == (303, "/app/sign-in")
    assert "Saliste de tu cuenta." in person.get("/app/sign-in").text
    person.client.set_cookie("attendance", stolen or "")
    assert person.get("/app/test/students").status_code == 303


def test_a_session_ended_from_another_browser_is_refused_at_once(
    app: APIFlask, session: Session
) -> None:
    user = a_member(session, a_school(session))
    desk, phone = signed_in(app, user), signed_in(app, user, browser=IPHONE)

    page = desk.get("/app/sessions")
    lost = page.text.split('name="session" value="')[1].split('"')[0]
    answer = desk.post("/app/sessions/end", session=lost)

    assert "Safari · iPhone" in page.text
    assert answer.status_code == 303
    assert phone.get("/app/test/students").status_code == 303
    assert desk.get("/app/test/students").status_code == 200


def test_signing_out_everywhere_else_keeps_this_browser(app: APIFlask, session: Session) -> None:
    user = a_member(session, a_school(session))
    desk, phone, tablet = (signed_in(app, user) for _ in range(3))

    desk.post("/app/sessions/end-others")

    assert "Se cerró la sesión en 2 navegadores." in desk.get("/app/sessions").text
    assert phone.get("/app/sessions").status_code == 303
    assert tablet.get("/app/sessions").status_code == 303


@pytest.mark.parametrize("session_id", ["zz", "00" * 32])
def test_ending_a_session_that_is_not_ones_own_does_nothing(
    app: APIFlask, session: Session, session_id: str
) -> None:
    person = signed_in(app, a_member(session, a_school(session)))

    answer = person.post("/app/sessions/end", session=session_id)

    assert answer.status_code in (400, 404)


@pytest.mark.parametrize("age", [IDLE_LIMIT, ABSOLUTE_LIMIT])
def test_a_session_expires(app: APIFlask, session: Session, age: timedelta) -> None:
    user = a_member(session, a_school(session))
    person = signed_in(app, user)
    assert person.get("/app/test/students").status_code == 200

    make_older(session, user, by=age)

    assert person.get("/app/test/students").status_code == 303


def test_using_the_pages_keeps_a_session_alive(app: APIFlask, session: Session) -> None:
    user = a_member(session, a_school(session))
    person = signed_in(app, user)
    make_older(session, user, by=IDLE_LIMIT - timedelta(minutes=5))

    person.get("/app/test/students")

    make_older_seen = session.scalars(select(WebSession.last_seen_at)).one()
    assert session.scalars(select(WebSession.created_at)).one() < make_older_seen


def test_the_front_door_leads_to_the_staff_entry_and_that_to_signing_in(app: APIFlask) -> None:
    person = Person(app)

    assert person.get("/").location == "/app/"
    assert person.get("/app/").location == "/app/sign-in?next=/app/"


def test_a_fragment_asked_by_htmx_sends_the_whole_page_to_sign_in(app: APIFlask) -> None:
    answer = Person(app).get(
        "/app/test/students", HX_Request="true", HX_Current_URL="http://localhost/app/board"
    )

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/app/sign-in?next=/app/board"
    assert answer.text == ""


def test_a_stream_without_session_ends_instead_of_retrying_for_ever(app: APIFlask) -> None:
    answer = Person(app).get("/app/test/students", Accept="text/event-stream")

    assert (answer.status_code, answer.text) == (401, "")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "app/board",
        "",
        None,
    ],
)
def test_nobody_is_sent_to_another_site(target: str | None) -> None:
    assert local_path(target) is None


def test_paths_of_ours_are_kept_with_their_query() -> None:
    assert local_path("/app/board?course=3&q=sof%C3%ADa") == "/app/board?course=3&q=sof%C3%ADa"


def test_signing_in_ignores_a_foreign_address_to_go_on_to(app: APIFlask, session: Session) -> None:
    user = a_member(session, a_school(session))

    answer = Person(app).post(
        "/app/sign-in", email=user.email, password="una clave larga", next="https://evil.example"
    )

    assert answer.location == "/app/"
