"""What the scheduler does by the clock, with its own rights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis as Client
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session, sessionmaker

from central.accounts.models import RefreshToken, WebSession
from central.jobs.schedule import Jobs, scheduler_of
from central.queue import QUEUE, Queue
from central.settings import Settings
from devkit.servers import Redis
from tests.builders import a_school, a_user
from tests.central.messages import a_family, queued

NOW = datetime.now(UTC)


@pytest.fixture
def client(redis_server: Redis) -> Iterator[Client]:
    with Client.from_url(redis_server.url(4), decode_responses=True) as client:
        client.flushdb()
        yield client


@pytest.fixture
def jobs(database: Engine, settings: Settings, redis_server: Redis) -> Iterator[Jobs]:
    engine = create_engine(settings.database_url_for("scheduler"), hide_parameters=True)
    queue = Queue(redis_server.url(4))
    yield Jobs(sessionmaker(engine), queue, grace=timedelta(minutes=15))
    queue.close()
    engine.dispose()


@pytest.mark.parametrize(
    ("changes", "wakes"),
    [
        ({}, True),
        ({"due_at": NOW + timedelta(hours=1)}, False),
        ({"status": "sending", "lease_until": NOW - timedelta(seconds=1)}, True),
        ({"status": "sending", "lease_until": NOW + timedelta(hours=1)}, False),
        ({"status": "sent"}, False),
        ({"status": "unknown"}, False),
    ],
)
def test_a_sweep_wakes_a_worker_only_for_something_to_do(
    session: Session, client: Client, jobs: Jobs, changes: dict[str, Any], wakes: bool
) -> None:
    queued(session, a_family(session), **changes)

    jobs.sweep()

    assert client.llen(f"rq:queue:{QUEUE}") == int(wakes)


def test_a_sweep_of_an_empty_table_wakes_nobody(client: Client, jobs: Jobs) -> None:
    jobs.sweep()

    assert client.llen(f"rq:queue:{QUEUE}") == 0


def test_what_has_expired_is_deleted_and_the_rest_stays(session: Session, jobs: Jobs) -> None:
    school, user = a_school(session), a_user(session)
    for name, expires_at in (
        (b"old", NOW - timedelta(seconds=1)),
        (b"valid", NOW + timedelta(hours=1)),
    ):
        session.add(
            WebSession(token_hash=name, user_id=user.id, last_seen_at=NOW, expires_at=expires_at)
        )
        session.add(
            RefreshToken(
                token_hash=name,
                family=uuid4(),
                user_id=user.id,
                school_id=school.id,
                expires_at=expires_at,
            )
        )
    session.commit()

    jobs.tidy()
    jobs.tidy()

    assert session.scalars(select(WebSession.token_hash)).all() == [b"valid"]
    assert session.scalars(select(RefreshToken.token_hash)).all() == [b"valid"]


def test_the_schedule_holds_every_job_at_its_pace(jobs: Jobs) -> None:
    scheduler = scheduler_of(jobs, lambda: None, timedelta(seconds=2))

    planned = {job.id: str(job.trigger) for job in scheduler.get_jobs()}

    assert {name: planned[name] for name in ("guard", "sweep", "watch", "close_days", "tidy")} == {
        "guard": "interval[0:00:02]",
        "sweep": "interval[0:00:02]",
        "watch": "interval[0:00:15]",
        "close_days": "interval[0:10:00]",
        "tidy": "cron[hour='7', minute='40']",
    }
