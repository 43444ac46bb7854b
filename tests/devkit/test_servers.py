"""The private servers start, survive being killed, and end with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis as redis_client
from redis.backoff import NoBackoff
from redis.retry import Retry

from devkit.errors import DevError
from devkit.places import ROOT, reachable, server_user, sheltered
from devkit.proc import is_running
from devkit.servers import Mosquitto, Postgres, Redis, free_port
from devkit.waiting import wait_until


@pytest.fixture
def postgres(server_folder: Path) -> Iterator[Postgres]:
    server = Postgres(server_folder / "own-postgres", free_port())
    yield server
    server.destroy()


def test_postgres_keeps_what_was_committed_when_it_is_killed(postgres: Postgres) -> None:
    postgres.start()
    postgres.create_database("diary")
    with psycopg.connect(postgres.url("diary")) as connection:
        connection.execute("CREATE TABLE entry (text text)")
        connection.execute("INSERT INTO entry VALUES ('written')")

    postgres.kill()
    assert not postgres.alive()
    postgres.start()

    assert postgres.query("SELECT text FROM entry", "diary") == "written"


def test_postgres_refuses_a_wrong_password_and_listens_on_loopback_only(
    postgres_server: Postgres,
) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_server.url("postgres", password="guess"))

    assert postgres_server.query("SHOW listen_addresses") == "127.0.0.1"


def test_a_database_can_be_created_twice_and_has_any_name(postgres_server: Postgres) -> None:
    name = 'it\'s "quoted"'

    postgres_server.create_database(name)
    postgres_server.create_database(name)

    found = postgres_server.query("SELECT datname FROM pg_database WHERE datname = :'n'", n=name)
    assert found == name


def test_redis_keeps_its_queue_when_it_is_killed(server_folder: Path) -> None:
    with Redis(server_folder / "own-redis", free_port()) as server:
        client = redis_client.Redis.from_url(server.url())
        client.rpush("jobs", "one")
        wait_until(lambda: b"one" in appended(server), 5)

        server.kill()
        client.close()
        server.start()

        with redis_client.Redis.from_url(server.url()) as again:
            assert again.lrange("jobs", 0, -1) == [b"one"]


def appended(server: Redis) -> bytes:
    return b"".join(file.read_bytes() for file in server.folder.glob("appendonlydir/*.aof"))


def test_redis_wants_its_password(redis_server: Redis) -> None:
    with (
        redis_client.Redis(port=redis_server.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis_client.AuthenticationError),
    ):
        stranger.ping()


def test_starting_twice_is_one_server(redis_server: Redis) -> None:
    before = redis_server.pid

    redis_server.start()

    assert redis_server.pid == before


def test_a_server_that_cannot_start_says_why(redis_server: Redis, tmp_path: Path) -> None:
    second = Redis(tmp_path / "redis", redis_server.port)

    with pytest.raises(DevError, match=r"redis ended with 1(.|\n)*Address already in use"):
        second.start()


STARTS_ALL_AND_WAITS = """
import sys
from pathlib import Path
from devkit.proc import is_running
from devkit.servers import Mosquitto, Postgres, Redis, free_port

folder = Path(sys.argv[1])
servers = [
    Postgres(folder / "postgres", free_port()),
    Mosquitto(folder / "mosquitto", free_port(), {"central-ingest": "x"}),
    Redis(folder / "redis", free_port()),
]
for server in servers:
    server.start()
print(*(server.pid for server in servers), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, None])
def test_no_server_outlives_the_process_that_started_it(
    server_folder: Path, end: signal.Signals | None
) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", STARTS_ALL_AND_WAITS, str(server_folder / f"orphans-{end}")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    with owner.stdout, owner.stdin:
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(pids) == 3
        assert all(is_running(pid) for pid in pids)

        if end is not None:
            owner.send_signal(end)
    owner.wait()

    assert wait_until(lambda: not any(is_running(pid) for pid in pids), 10)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as somebody else")
def test_a_folder_that_the_servers_user_cannot_reach_is_sheltered(tmp_path: Path) -> None:
    closed = tmp_path / "closed" / "data"
    closed.parent.mkdir(mode=0o700)
    user = server_user()
    assert user is not None

    place = sheltered(closed, user)

    assert place != closed
    assert reachable(place, user)
    assert place == sheltered(closed, user)


def test_an_ordinary_users_folder_is_used_as_it_is(tmp_path: Path) -> None:
    assert sheltered(tmp_path, None) == tmp_path


def test_the_broker_configuration_avoids_the_defaults_that_lose_messages(
    mosquitto: Mosquitto,
) -> None:
    lines = (mosquitto.folder / "mosquitto.conf").read_text().splitlines()

    assert f"listener {mosquitto.port} 127.0.0.1" in lines
    assert {
        "allow_anonymous false",
        "persistence true",
        "autosave_interval 5",
        "max_queued_messages 1000000",
        "max_inflight_messages 1000",
    } <= set(lines)
