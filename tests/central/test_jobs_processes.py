"""Processes that are killed, and servers that go away: what is left, and what happens next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from central.settings import Settings
from devkit.process import Running
from devkit.servers import Redis, free_port
from tests.builders import a_school
from tests.central.job_processes import environment, events, lines, start
from tests.central.messages import a_family, again, queued, statuses
from tests.central.provider import ACCEPTED, TOKEN, Answer, Provider, refusal
from tests.emulators.waiting import eventually

Start = Callable[..., Running]
TOKEN_IN_USE = "EAAGtoken0123456789"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with Redis(tmp_path / "redis", free_port()) as server:
        yield server


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def run(settings: Settings, redis: Redis, provider: Provider, tmp_path: Path) -> Iterator[Start]:
    """Start a worker or a scheduler; what still runs at the end is stopped."""
    started: list[Running] = []

    def start_one(command: str, *, says: str, **changes: str) -> Running:
        env = environment(settings, redis.url(), provider.url, TOKEN_IN_USE) | changes
        log = tmp_path / f"{command}-{len(started)}.log"
        started.append(start(command, env, log, says=says))
        return started[-1]

    yield start_one
    for running in started:
        running.stop()


def worker(run: Start, **changes: str) -> Running:
    return run("worker", says="Listening", **changes)


def test_a_sweep_finds_what_nobody_woke_a_worker_for(
    session: Session, run: Start, provider: Provider
) -> None:
    queued(session, a_family(session))
    worker(run)

    run("scheduler", says="leading")

    eventually(lambda: statuses(session) == ["sent"])
    assert len(provider.requests) == 1
    assert provider.headers[0]["Authorization"] == f"Bearer {TOKEN_IN_USE}"


def test_a_message_in_the_hands_of_a_killed_worker_is_unknown_and_not_repeated(
    session: Session, run: Start, provider: Provider
) -> None:
    provider.decide = lambda _: Answer(hang=True)
    notification = queued(session, a_family(session))
    run("scheduler", says="leading")
    first = worker(run)
    eventually(lambda: provider.requests)

    first.kill()
    held = again(session, notification).status
    provider.decide = lambda _: ACCEPTED
    worker(run)
    session.execute(text("UPDATE notifications SET lease_until = now() - interval '1 second'"))
    session.commit()

    eventually(lambda: statuses(session) == ["unknown"])
    assert held == "sending"
    assert len(provider.requests) == 1


def test_a_worker_told_to_stop_finishes_what_it_is_sending(
    session: Session, run: Start, provider: Provider
) -> None:
    school = a_school(session)
    for _ in range(100):
        queued(session, a_family(session, school=school))
    answering = threading.Event()
    provider.decide = lambda _: Answer(after=answering)
    run("scheduler", says="leading")
    running = worker(run)
    eventually(lambda: len(provider.requests) == 32)

    running.ask_to_stop()
    eventually(lambda: "stopping" in events(running))
    answering.set()

    eventually(lambda: not running.alive())
    assert running.exit_status() == 0
    assert statuses(session).count("sent") == len(provider.requests) == 32
    assert statuses(session).count("queued") == 68


def test_an_idle_worker_stops_at_once(run: Start) -> None:
    running = worker(run)

    began = time.monotonic()
    running.stop()

    assert running.exit_status() == 0
    assert time.monotonic() - began < 3
    assert "stopped" in events(running)


def test_messages_queued_while_redis_is_down_leave_when_it_is_back(
    session: Session, run: Start, provider: Provider, redis: Redis
) -> None:
    running = worker(run)
    scheduler = run("scheduler", says="leading")
    redis.kill()
    queued(session, a_family(session))
    eventually(lambda: "wake_up_failed" in events(scheduler))

    redis.start()

    eventually(lambda: statuses(session) == ["sent"], within=40)
    assert running.alive()
    assert len(provider.requests) == 1
    assert events(scheduler).count("wake_up_failed") == 1


def test_a_worker_that_starts_before_redis_waits_for_it(
    session: Session, run: Start, redis: Redis
) -> None:
    queued(session, a_family(session))
    redis.stop()
    running = run("worker", says="redis_lost")
    run("scheduler", says="leading")

    redis.start()

    eventually(lambda: statuses(session) == ["sent"])
    assert "Listening" in events(running)


def test_a_drain_goes_on_when_redis_dies_in_its_middle(
    session: Session, run: Start, redis: Redis, provider: Provider
) -> None:
    school = a_school(session)
    for _ in range(60):
        queued(session, a_family(session, school=school))

    def kill_redis_first(_: object) -> Answer:
        if redis.alive():
            redis.kill()
        return ACCEPTED

    provider.decide = kill_redis_first
    worker(run)
    run("scheduler", says="leading")

    eventually(lambda: statuses(session) == ["sent"] * 60)
    assert len(set(provider.references())) == len(provider.references()) == 60


def test_when_the_leader_is_killed_another_scheduler_takes_over(run: Start) -> None:
    first = run("scheduler", says="leading")
    second = run("scheduler", says="started")
    stood_by = "leading" not in events(second)

    first.kill()

    eventually(lambda: "leading" in events(second))
    assert stood_by


def test_a_leader_that_loses_its_lock_ends_itself(session: Session, run: Start) -> None:
    leader = run("scheduler", says="leading")

    session.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'attendance_scheduler'"
        )
    )

    eventually(lambda: not leader.alive())
    assert leader.exit_status() == 75
    assert "leadership_lost" in events(leader)


def test_a_scheduler_told_to_stop_lets_the_next_one_lead(run: Start) -> None:
    first = run("scheduler", says="leading")
    second = run("scheduler", says="started")

    first.stop()

    assert first.exit_status() == 0
    eventually(lambda: "leading" in events(second))


def test_nothing_personal_and_no_secret_is_logged(
    session: Session,
    run: Start,
    provider: Provider,
    redis: Redis,
    settings: Settings,
    tmp_path: Path,
) -> None:
    def everything() -> str:
        return "".join(file.read_text() for file in tmp_path.glob("*.log"))

    school = a_school(session)
    families = [
        a_family(session, school=school, phone=f"+5694000000{number}") for number in range(5)
    ]
    answers = iter(
        [
            refusal(131030, message="Recipient +56940000001 (Sofía) is not in the list"),
            refusal(132000, message="Sofía"),
            Answer(cut=True),
            refusal(190, 401, message=f"Malformed access token {TOKEN_IN_USE}"),
        ]
    )
    provider.decide = lambda _: next(answers, ACCEPTED)
    for family in families:
        queued(session, family)
    running = worker(run)
    scheduler = run("scheduler", says="leading")
    eventually(lambda: {"drained", "sending_halted"} <= set(events(running)))
    with failing_claims(session):
        worker(run)  # its throttle knows of no halt, so it claims
        eventually(lambda: "IntegrityError" in everything())
    redis.kill()
    eventually(lambda: "wake_up_failed" in events(scheduler))

    output = everything()

    assert all(lines(process) for process in (running, scheduler))
    for secret in (
        TOKEN_IN_USE,
        TOKEN,
        settings.role_password("worker"),
        redis.password,
        "Sofía",
        "56940000",
        "wamid.1",
        families[0].guardian.full_name,
    ):
        assert secret not in output


@contextmanager
def failing_claims(session: Session) -> Iterator[None]:
    """PostgreSQL refuses to let a message be claimed, and shows the row in its error."""
    session.execute(
        text(
            "ALTER TABLE notifications ADD CONSTRAINT none_is_sent"
            " CHECK (status <> 'sending') NOT VALID"
        )
    )
    session.commit()
    yield
    session.execute(text("ALTER TABLE notifications DROP CONSTRAINT none_is_sent"))
    session.commit()
