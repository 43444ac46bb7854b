"""The page that tries the gates, and ``POST /dev/taps`` for scripts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.app import create_app
from central.db import db
from central.settings import Settings
from devkit.servers import free_port
from emulators.web import Request, Response, Route, Server, Site, as_json
from tests.builders import a_course, a_school, a_student
from tests.central.pages import Person, a_member, signed_in

GATES = {
    "gates": [{"gate": "norte", "device": "demo-norte"}, {"gate": "sur", "device": "demo-sur"}]
}


@dataclass
class Emulator:
    """Stands in for the emulated gates: remembers what it was asked."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Response = field(default_factory=lambda: as_json({"read": True}))


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    def present(request: Request) -> Response:
        gates.asked.append(request.json())
        return gates.answer

    routes = [Route("GET", "/gates", lambda _: as_json(GATES)), Route("POST", "/present", present)]
    server = Server("127.0.0.1", 0, Site(routes))
    gates = Emulator(f"http://127.0.0.1:{server.port}/")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield gates
    server.shutdown()
    server.server_close()


MakeApp = Callable[..., APIFlask]


@pytest.fixture
def make_app(settings: Settings, database: Engine) -> Iterator[MakeApp]:
    made: list[APIFlask] = []

    def make(**changes: Any) -> APIFlask:
        made.append(create_app(replace(settings, **changes)))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def dev(make_app: MakeApp, emulator: Emulator) -> APIFlask:
    return make_app(dev_gates_url=emulator.url)


def post(client: FlaskClient, body: object, **more: Any) -> TestResponse:
    return client.post("/dev/taps", json=body, **more)


def test_a_tap_is_forwarded_by_the_gates_name_or_its_device(
    dev: APIFlask, emulator: Emulator
) -> None:
    client = dev.test_client()

    answers = [
        post(client, {"gate": "norte", "student": 7}),
        post(client, {"gate": "demo-sur", "card": "torn", "repeat": 2}),
    ]

    assert [answer.json for answer in answers] == [{"read": True}] * 2
    assert emulator.asked == [
        {"gate": "norte", "student": 7},
        {"gate": "sur", "card": "torn", "repeat": 2},
    ]


def test_what_the_emulator_refuses_is_passed_on(dev: APIFlask, emulator: Emulator) -> None:
    emulator.answer = as_json({"error": "unknown_student", "field": "student"}, 404)

    answer = post(dev.test_client(), {"gate": "norte", "student": 0})

    assert answer.status_code == 404
    assert answer.json == {"error": "unknown_student", "field": "student"}


@pytest.mark.parametrize(
    ("body", "status", "field_named"),
    [
        ({"student": 7}, 400, "gate"),
        ({"gate": 7, "student": 7}, 400, "gate"),
        ({"gate": "none", "student": 7}, 404, "gate"),
        ([1], 400, None),
    ],
)
def test_a_wrong_order_names_the_field(
    dev: APIFlask, emulator: Emulator, body: object, status: int, field_named: str | None
) -> None:
    answer = post(dev.test_client(), body)

    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json.get("field") == field_named
    assert emulator.asked == []


def test_a_form_of_another_site_taps_nothing(dev: APIFlask, emulator: Emulator) -> None:
    client = dev.test_client()

    as_form = client.post("/dev/taps", data={"gate": "norte", "student": "7"})
    as_text = client.post("/dev/taps", data='{"gate": "norte"}', content_type="text/plain")
    from_elsewhere = post(
        client, {"gate": "norte", "student": 7}, headers={"Origin": "https://evil.example"}
    )
    from_here = post(
        client, {"gate": "norte", "student": 7}, headers={"Origin": "http://localhost"}
    )

    assert {as_form.status_code, as_text.status_code} <= {400, 415}
    assert from_elsewhere.status_code == 403
    assert from_here.status_code == 200
    assert len(emulator.asked) == 1


def test_another_machine_has_to_sign_in(
    session: Session, dev: APIFlask, emulator: Emulator
) -> None:
    school = a_school(session)
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    technician = signed_in(dev, a_member(session, school, role="technician"))
    teacher = signed_in(dev, a_member(session, school, role="teacher"))
    order = {"gate": "norte", "student": 7}

    stranger = post(dev.test_client(), order, environ_overrides=elsewhere)
    allowed = post(technician.client, order, environ_overrides=elsewhere)
    not_allowed = post(teacher.client, order, environ_overrides=elsewhere)
    listed = dev.test_client().get("/dev/gates.json", environ_overrides=elsewhere)

    assert (stranger.status_code, allowed.status_code, not_allowed.status_code) == (403, 200, 403)
    assert listed.status_code == 403


def test_gates_that_do_not_run_are_said_so(make_app: MakeApp) -> None:
    app = make_app(dev_gates_url=f"http://127.0.0.1:{free_port()}")

    tapped = post(app.test_client(), {"gate": "norte", "student": 7})
    listed = app.test_client().get("/dev/gates.json")

    for answer in (tapped, listed):
        assert answer.status_code == 503
        assert answer.json is not None
        assert answer.json["error"] == "gates_unreachable"


def test_the_gates_are_listed_as_the_emulator_tells_them(dev: APIFlask) -> None:
    assert dev.test_client().get("/dev/gates.json").json == GATES


def test_the_page_and_its_students_are_for_staff_of_the_school(
    session: Session, dev: APIFlask
) -> None:
    school = a_school(session)
    student = a_student(session, a_course(session, school))
    a_student(session, a_course(session, a_school(session)))
    technician = signed_in(dev, a_member(session, school, role="technician"))
    teacher = signed_in(dev, a_member(session, school, role="teacher"))

    listed = technician.get("/dev/students.json").json

    assert technician.get("/dev/gates").status_code == 200
    assert listed is not None
    assert [one["id"] for one in listed["students"]] == [student.id]
    assert teacher.get("/dev/gates").status_code == 403
    assert Person(dev).get("/dev/gates").status_code == 303


def test_without_emulated_gates_there_is_no_such_page(app: APIFlask) -> None:
    assert post(app.test_client(), {"gate": "norte", "student": 7}).status_code == 404
    assert app.test_client().get("/dev/gates").status_code == 404


@pytest.mark.parametrize("app_env", ["qa", "production"])
def test_outside_development_there_is_no_such_page(make_app: MakeApp, app_env: str) -> None:
    """Settings refuse this combination too; the page does not rely on it."""
    app = make_app(app_env=app_env, dev_gates_url="http://127.0.0.1:1")

    assert "dev_gates.tap" not in app.view_functions
