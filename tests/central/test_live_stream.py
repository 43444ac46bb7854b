"""Streams of the real web server over a real PostgreSQL of their own, which may be killed."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, update
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from central.accounts.models import Membership, WebSession
from central.people.models import Student
from central.settings import Settings
from central.web.live_hub import STREAMS
from devkit.servers import Postgres, free_port
from devkit.waiting import wait_until
from tests.central.conftest import SECRET, migrated
from tests.central.live_school import Watched, a_watched_school
from tests.central.live_server import Stream, Told, WebServer, a_cookie, web_server
from tests.central.pages import a_member
from tests.emptying import empty

BOARD = "/app/live/board"


@pytest.fixture(scope="module")
def own_postgres(server_folder: Path) -> Iterator[Postgres]:
    settings = {"fsync": "off"}
    with Postgres(server_folder / "postgres-live", free_port(), settings=settings) as server:
        yield server


@pytest.fixture(scope="module")
def env(own_postgres: Postgres) -> dict[str, str]:
    own_postgres.create_database("live")
    env = {
        "APP_ENV": "development",
        "DATABASE_URL": own_postgres.url("live"),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": SECRET,
    }
    migrated(Settings.from_env(env))
    return env


@pytest.fixture(scope="module")
def live_settings(env: dict[str, str]) -> Settings:
    return Settings.from_env(env)


@pytest.fixture(scope="module")
def server(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with web_server(env, tmp_path_factory.mktemp("web") / "web.log") as server:
        yield server


@pytest.fixture
def live_owner(live_settings: Settings) -> Iterator[Engine]:
    engine = create_engine(live_settings.database_url, poolclass=NullPool)
    yield engine
    empty(engine)


@pytest.fixture
def watched(live_owner: Engine, live_settings: Settings) -> Watched:
    return a_watched_school(live_owner, live_settings)


def keys(update: Any) -> set[str]:
    """The students whose rows an update brings."""
    return set(update["groups"])


def next_rows(stream: Stream, seconds: float = 10) -> Told:
    """The next update that brings rows, and not only figures."""
    while not keys((told := stream.wait_for("board", seconds)).data):
        pass
    return told


def test_a_tap_is_on_the_stream_within_a_second_of_its_commit(
    server: WebServer, watched: Watched
) -> None:
    stream = Stream(server.origin, BOARD, watched.cookie)
    stream.wait_for("board")
    took = []

    for number in (0, 1, 2):
        committed_at = watched.taps(watched.card(number))
        told = next_rows(stream)
        took.append(told.at - committed_at)

    assert stream.headers["Content-Type"].startswith("text/event-stream")
    assert stream.headers["X-Accel-Buffering"] == "no"
    assert stream.headers["Cache-Control"] == "no-store"
    assert max(took) < 1
    assert "Niña N2" in next(iter(told.data["groups"].values()))[0]
    assert '<span class="number" data-figure="inside">3</span>' in told.data["parts"]["figures"]
    stream.close()


def test_a_board_never_shows_another_school(
    server: WebServer, watched: Watched, live_owner: Engine, live_settings: Settings
) -> None:
    other = a_watched_school(live_owner, live_settings)
    own_stream = Stream(server.origin, BOARD, watched.cookie)
    other_stream = Stream(server.origin, BOARD, other.cookie)
    for stream in (own_stream, other_stream):
        stream.wait_for("board")

    other.taps(other.card(0))
    next_rows(other_stream)
    watched.taps(watched.card(1))
    told = next_rows(own_stream)

    with Session(live_owner) as session:
        (student,) = keys(told.data)
        assert session.get_one(Student, (watched.school.id, int(student[1:])))
    for stream in (own_stream, other_stream):
        stream.close()


def test_a_page_that_was_away_while_the_server_was_killed_misses_nobody(
    env: dict[str, str], watched: Watched, tmp_path: Path
) -> None:
    with web_server(env, tmp_path / "web.log") as server:
        stream = Stream(server.origin, BOARD, watched.cookie)
        stream.wait_for("board")
        watched.taps(watched.card(0))
        seen = next_rows(stream)

        server.kill()
        assert stream.ended.wait(5)
        watched.taps(watched.card(1))
        server.start()
        again = Stream(server.origin, BOARD, watched.cookie, last_event_id=seen.id)
        shown = keys(seen.data) | keys(again.wait_for("board").data)
        assert len(shown) == 2
        watched.taps(watched.card(2))
        while len(shown) < 3:
            shown |= keys(next_rows(again).data)
        again.close()


def test_a_restart_of_postgresql_is_survived_by_the_open_stream(
    server: WebServer, own_postgres: Postgres, watched: Watched
) -> None:
    stream = Stream(server.origin, BOARD, watched.cookie)
    stream.wait_for("board")

    own_postgres.kill()
    own_postgres.start()
    watched.taps(watched.card(0))  # perhaps before the server has connected again

    next_rows(stream, seconds=20)
    assert not stream.ended.is_set()
    stream.close()


def test_streams_are_capped_and_pages_are_served_beyond_the_cap(
    env: dict[str, str], watched: Watched, tmp_path: Path
) -> None:
    with web_server(env, tmp_path / "web.log") as server:
        streams = [Stream(server.origin, BOARD, watched.cookie) for _ in range(STREAMS)]
        assert {stream.status for stream in streams} == {200}

        refused = Stream(server.origin, BOARD, watched.cookie)
        polled = _get(server, "/app/board/arrivals?after=0", watched.cookie)

        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert polled.status == 200

        for stream in streams:
            stream.close()

        def room_again() -> bool:
            watched.taps(watched.card(0), at=datetime.now(UTC) - timedelta(minutes=watched.seq))
            return Stream(server.origin, BOARD, watched.cookie).status == 200

        assert wait_until(room_again, 30)


def test_open_streams_end_as_soon_as_the_server_is_asked_to_stop(
    env: dict[str, str], watched: Watched, tmp_path: Path
) -> None:
    with web_server(env, tmp_path / "web.log", workers=2) as server:
        streams = [Stream(server.origin, BOARD, watched.cookie) for _ in range(4)]

        server.ask_to_stop()

        assert all(stream.ended.wait(2) for stream in streams)
        assert wait_until(server.has_stopped, 15)


@pytest.mark.slow
@pytest.mark.parametrize("ended_by", ["sign-out", "role"])
def test_a_stream_ends_with_the_right_to_watch(
    server: WebServer, watched: Watched, live_owner: Engine, ended_by: str
) -> None:
    stream = Stream(server.origin, BOARD, watched.cookie)
    stream.wait_for("board")

    with Session(live_owner) as session, session.begin():
        if ended_by == "sign-out":
            session.execute(update(WebSession).values(revoked_at=datetime.now(UTC)))
        else:
            session.execute(update(Membership).values(role="technician"))

    stream.wait_for("bye", seconds=17)  # a heartbeat and a little
    assert stream.ended.wait(2)


def test_a_stream_wants_a_session_and_a_role(
    server: WebServer, watched: Watched, live_owner: Engine
) -> None:
    with Session(live_owner, expire_on_commit=False) as session:
        technician = a_member(session, watched.school, role="technician")
        cookie = a_cookie(session, technician)

    assert Stream(server.origin, BOARD, "attendance=nobody").status == 401
    assert Stream(server.origin, BOARD, cookie).status == 403
    assert Stream(server.origin, "/app/live/messages", cookie).status == 403


def test_the_message_log_hears_of_messages_and_only_that(
    server: WebServer, watched: Watched
) -> None:
    stream = Stream(server.origin, "/app/live/messages", watched.cookie)
    stream.wait_for("messages")

    watched.taps(watched.card(0))

    assert stream.wait_for("messages", seconds=2).data == {}
    stream.close()


def _get(server: WebServer, path: str, cookie: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers={"Cookie": cookie})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response
