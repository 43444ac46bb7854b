"""The real web server and Debian's Chromium; taps are recorded as ingest records them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from central.settings import Settings
from devkit.servers import Postgres
from emulators.web import Request, Response, Route, Server, Site, as_json
from tests.central.conftest import SECRET, migrated
from tests.central.live_school import Watched, a_watched_school
from tests.central.live_server import WebServer, web_server
from tests.e2e.browser import chromium
from tests.emptying import empty

GREETINGS: dict[object, tuple[str, str | None]] = {
    "unknown": ("reject", None),
    "torn": ("hold", None),
}


@pytest.fixture(scope="module")
def gates() -> Iterator[str]:
    """Answers for the emulated gates, at once; the address."""

    def present(request: Request) -> Response:
        order = request.json()
        pattern, name = GREETINGS.get(order.get("card"), ("accept", "Niña R."))
        feedback = {"pattern": pattern, "name": name, "verdict": "accepted", "seq": 1}
        reading = {"feedback": feedback, "took_ms": 80}
        readings = [reading] * (1 + order.get("repeat", 0))
        return as_json({"read": True, **reading, "readings": readings})

    def listed(_: Request) -> Response:
        reader = {"plugged": True, "silent": False, "open": True}
        state: dict[str, Any] = {"reader": reader, "light": "off"}
        names = ("norte", "sur")
        return as_json({"gates": [{"gate": n, "device": f"demo-{n}", **state} for n in names]})

    routes = [Route("GET", "/gates", listed), Route("POST", "/present", present)]
    server = Server("127.0.0.1", 0, Site(routes))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def web_env(postgres_server: Postgres, gates: str) -> dict[str, str]:
    postgres_server.create_database("e2e")
    env = {
        "APP_ENV": "development",
        "DATABASE_URL": postgres_server.url("e2e"),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": SECRET,
        "DEV_GATES_URL": gates,
    }
    migrated(Settings.from_env(env))
    return env


@pytest.fixture(scope="module")
def web_settings(web_env: dict[str, str]) -> Settings:
    return Settings.from_env(web_env)


@pytest.fixture(scope="module")
def web(web_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    log: Path = tmp_path_factory.mktemp("web") / "web.log"
    with web_server(web_env, log, workers=2) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def web_owner(web_settings: Settings) -> Iterator[Engine]:
    engine = create_engine(web_settings.database_url, poolclass=NullPool)
    yield engine
    empty(engine)


@pytest.fixture
def watched(web_owner: Engine, web_settings: Settings) -> Watched:
    return a_watched_school(web_owner, web_settings, students=8)
