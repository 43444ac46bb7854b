"""The figures for Prometheus, and who may read them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.app import create_app
from central.db import db
from central.identity import authority_service, broker_service
from central.identity.sealing import Safe
from central.settings import Settings

TOKEN = "a-token-for-prometheus-that-is-long-enough"
MakeApp = Callable[..., APIFlask]


@pytest.fixture
def app_with(settings: Settings, database: Engine) -> Iterator[MakeApp]:
    made: list[APIFlask] = []

    def make(**changes: Any) -> APIFlask:
        made.append(create_app(replace(settings, **changes)))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


def scrape(app: APIFlask, peer: str = "127.0.0.1", **headers: str) -> TestResponse:
    return app.test_client().get(
        "/metrics",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        environ_base={"REMOTE_ADDR": peer},
    )


def requests_counted(text: str, route: str, status: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "http_requests_total"
        and sample.labels["route"] == route
        and sample.labels["status"] == status
    )


def test_requests_are_counted_by_route_and_not_by_path(app_with: MakeApp) -> None:
    app = app_with()
    before = requests_counted(scrape(app).text, "/api/v1/students/<int:student_id>", "401")

    app.test_client().get("/api/v1/students/12")
    app.test_client().get("/api/v1/students/13")

    text = scrape(app).text
    assert requests_counted(text, "/api/v1/students/<int:student_id>", "401") == before + 2
    assert "students/12" not in text


def test_invented_paths_and_methods_make_no_series_of_their_own(app_with: MakeApp) -> None:
    app = app_with()

    app.test_client().get("/wp-login.php")
    app.test_client().open("/nowhere", method="BREW")

    text = scrape(app).text
    assert requests_counted(text, "none", "404") >= 2
    assert "BREW" not in text
    assert "wp-login" not in text


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1"])
def test_without_a_token_this_machine_may_read(app_with: MakeApp, peer: str) -> None:
    assert scrape(app_with(), peer).status_code == 200


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("10.0.0.7", {}),
        ("127.0.0.1", {"X_Forwarded_For": "203.0.113.9"}),
        ("127.0.0.1", {"X_Forwarded_For": "127.0.0.1"}),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}),
        ("10.0.0.7", {"X_Forwarded_For": "127.0.0.1"}),
    ],
)
@pytest.mark.parametrize("origin", ["http://localhost:8080", "https://school.example"])
def test_without_a_token_nobody_else_may(
    app_with: MakeApp, peer: str, headers: dict[str, str], origin: str
) -> None:
    app = app_with(webauthn_rp_origin=origin)  # https: behind one proxy, whose word is taken

    assert scrape(app, peer, **headers).status_code == 404


def test_with_a_token_it_opens_from_anywhere_and_nothing_else_does(app_with: MakeApp) -> None:
    app = app_with(metrics_token=TOKEN)

    assert scrape(app, "10.0.0.7", Authorization=f"Bearer {TOKEN}").status_code == 200
    assert scrape(app, "127.0.0.1").status_code == 404
    assert scrape(app, "10.0.0.7", Authorization=f"Bearer {TOKEN}x").status_code == 404
    assert scrape(app, "10.0.0.7", Authorization="Bearer ñ").status_code == 404


ONE_WORKER = """
import json, os, sys
from central.app import create_app
from central.settings import Settings

app = create_app(Settings.from_env(os.environ))
client = app.test_client()
for _ in range(int(sys.argv[1])):
    client.get("/healthz")
print(json.dumps(client.get("/metrics").text))
"""


def test_workers_add_up_their_figures_in_a_shared_folder(
    settings: Settings, tmp_path: Path
) -> None:
    env = {
        **os.environ,
        "DATABASE_URL": settings.database_url_override,
        "REDIS_URL": settings.redis_url,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }

    def worker(requests: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", ONE_WORKER, str(requests)],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        text: str = json.loads(done.stdout.splitlines()[-1])
        return text

    worker(2)
    said_by_the_second = worker(3)

    assert requests_counted(said_by_the_second, "/healthz", "200") == 5


def test_it_is_told_how_long_gates_can_still_be_let_in(app_with: MakeApp, session: Session) -> None:
    app, name = app_with(), "gate_revocation_list_days_left"
    assert name not in scrape(app).text  # there is no authority yet, and no list

    now = datetime.now(UTC)
    authority_service.establish(session, Safe("s" * 40), now=now)
    broker_service.deliver(session, Safe("s" * 40), "gates.example", None, now=now)
    session.commit()

    families = text_string_to_metric_families(scrape(app).text)
    (left,) = [one.samples[0].value for one in families if one.name == name]
    assert 29 < left < 30
