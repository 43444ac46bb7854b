"""What supervisors ask: is the process alive, and can it serve?"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.app import create_app
from central.db import db
from central.health import Readiness
from central.media.store import store_of
from central.settings import Settings
from devkit.servers import Mosquitto, Postgres, Redis
from tests.central.full_school import a_full_school

MakeApp = Callable[..., APIFlask]
NOBODY = "127.0.0.1:1"


@pytest.fixture
def everything(
    settings: Settings, mosquitto: Mosquitto, redis_server: Redis, tmp_path: Path
) -> Settings:
    """Settings with which every dependency is there."""
    return replace(
        settings,
        redis_url=redis_server.url(),
        mqtt_host="127.0.0.1",
        mqtt_port=mosquitto.port,
        s3_endpoint=f"file://{tmp_path}",
    )


@pytest.fixture
def app_with(everything: Settings, database: Engine) -> Iterator[MakeApp]:
    made: list[APIFlask] = []

    def make(**changes: Any) -> APIFlask:
        made.append(create_app(replace(everything, **changes)))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def health(app: APIFlask) -> TestResponse:
    return app.test_client().get("/health")


def states(app: APIFlask) -> dict[str, str]:
    body: Any = health(app).json
    return {name: check["state"] for name, check in body["checks"].items()}


def test_ready_when_everything_answers(app_with: MakeApp) -> None:
    response = health(app_with())

    body: Any = response.json
    assert response.status_code == 200, body
    assert body["ready"] is True
    assert set(body["checks"]) == {"broker", "database", "migrations", "redis", "store"}
    assert all(check["state"] == "ok" for check in body["checks"].values())
    assert all(0 <= check["ms"] < 2000 for check in body["checks"].values())


@pytest.mark.parametrize(
    ("missing", "failed"),
    [
        ({"redis_url": f"redis://{NOBODY}/0"}, {"redis"}),
        ({"mqtt_port": 1}, {"broker"}),
        ({"s3_endpoint": "file:///proc/no-such-place"}, {"store"}),
        ({"s3_endpoint": f"http://{NOBODY}"}, {"store"}),
        (
            {"database_url_override": f"postgresql://owner:pw@{NOBODY}/tests"},
            {"database", "migrations"},
        ),
    ],
)
def test_not_ready_without_one_of_them(
    app_with: MakeApp, missing: dict[str, Any], failed: set[str]
) -> None:
    app = app_with(**missing)

    response = health(app)

    assert response.status_code == 503
    assert {name for name, state in states(app).items() if state != "ok"} == failed


def test_not_ready_before_the_newest_migration(app_with: MakeApp, owner: Engine) -> None:
    app = app_with()
    with owner.begin() as connection:
        newest = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    found = states(app)
    with owner.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": newest})

    assert found == {
        "broker": "ok",
        "database": "ok",
        "migrations": "failed",
        "redis": "ok",
        "store": "ok",
    }


def test_a_broker_that_never_answers_is_given_up_soon(app_with: MakeApp, silent_port: int) -> None:
    response = health(app_with(mqtt_port=silent_port))

    body: Any = response.json
    assert response.status_code == 503
    assert body["checks"]["broker"]["state"] == "late"
    assert body["checks"]["broker"]["ms"] < 3000
    assert body["checks"]["database"]["state"] == "ok"


def test_asking_while_a_dependency_hangs_piles_up_no_threads(
    everything: Settings, database: Engine, silent_port: int
) -> None:
    hanging = replace(everything, mqtt_port=silent_port)
    readiness = Readiness(hanging, store_of(hanging), fresh_seconds=0)
    before = set(threading.enumerate())

    for _ in range(2):
        assert not readiness.report().ready

    assert len(set(threading.enumerate()) - before) <= 4


@pytest.mark.parametrize(
    ("user", "password", "state"),
    [
        ("", "", "ok"),  # a stranger is refused in good MQTT: the broker is there
        ("central-web", "central-web", "ok"),
        ("central-web", "wrong", "failed"),
    ],
)
def test_the_broker_check_with_and_without_a_name(
    app_with: MakeApp, user: str, password: str, state: str
) -> None:
    assert states(app_with(mqtt_username=user, mqtt_password=password))["broker"] == state


def test_something_else_on_the_brokers_port_is_no_broker(
    app_with: MakeApp, postgres_server: Postgres
) -> None:
    assert states(app_with(mqtt_port=postgres_server.port))["broker"] == "failed"


def test_the_age_of_the_last_tap_is_told_and_not_judged(
    app_with: MakeApp, session: Session
) -> None:
    a_full_school(session)
    session.execute(text("UPDATE streams SET last_received_at = now() - interval '3 days'"))
    session.commit()

    response = health(app_with())

    body: Any = response.json
    assert response.status_code == 200
    assert 259_200 <= body["last_tap_seconds_ago"] < 259_260


def test_a_school_without_taps_has_no_age(app_with: MakeApp) -> None:
    body: Any = health(app_with()).json

    assert body["last_tap_seconds_ago"] is None


def test_the_answer_tells_no_address_and_no_secret(app_with: MakeApp, everything: Settings) -> None:
    said = health(app_with(mqtt_port=1, redis_url=f"redis://:a-secret@{NOBODY}/0")).text

    for word in ("127.0.0.1", "secret", "attendance_web", "Error", everything.s3_endpoint):
        assert word not in said


def test_asking_often_costs_one_look_a_second(everything: Settings, database: Engine) -> None:
    readiness = Readiness(everything, store_of(everything))

    assert readiness.report() is readiness.report()


def test_alive_needs_nothing(app_with: MakeApp) -> None:
    app = app_with(
        database_url_override=f"postgresql://owner:pw@{NOBODY}/tests",
        redis_url=f"redis://{NOBODY}/0",
        mqtt_port=1,
        s3_endpoint=f"http://{NOBODY}",
    )
    client = app.test_client()
    client.set_cookie("attendance", "of-a-signed-in-browser")

    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json == {"state": "alive"}
    assert "Set-Cookie" not in response.headers
