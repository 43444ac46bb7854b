"""Waking the workers through a real Redis."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis as Client
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker
from structlog.testing import capture_logs

from central.jobs import tasks
from central.notifications.channel import Message, Outcome, Recorded, RecordOnly
from central.notifications.delivery import Delivery
from central.queue import DRAIN_ID, QUEUE, Queue
from central.settings import Settings
from devkit.servers import Redis, free_port
from tests.central.messages import a_family, queued, statuses
from tests.emulators.waiting import eventually

WAITING = f"rq:queue:{QUEUE}"


@pytest.fixture
def client(redis_server: Redis) -> Iterator[Client]:
    """The database of these tests, empty."""
    with Client.from_url(redis_server.url(3), decode_responses=True) as client:
        client.flushdb()
        yield client


@pytest.fixture
def queue(redis_server: Redis) -> Iterator[Queue]:
    queue = Queue(redis_server.url(3))
    yield queue
    queue.close()


@pytest.fixture
def sessions(database: Engine, settings: Settings) -> Iterator[sessionmaker[Session]]:
    engine = create_engine(settings.database_url_for("worker"), hide_parameters=True)
    yield sessionmaker(engine)
    engine.dispose()


@pytest.fixture
def no_handlers_left_behind() -> Iterator[None]:
    """RQ's worker takes the signals of its process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def waiting(client: Client) -> list[str]:
    found = client.lrange(WAITING, 0, -1)
    assert isinstance(found, list)
    return found


def woken(queue: Queue, client: Client) -> bool:
    queue.wake_drain()
    return waiting(client) == [DRAIN_ID]


def work(redis_server: Redis, *, jobs: int = 1) -> None:
    """Run this many waiting jobs, as the worker process does."""
    with Client.from_url(redis_server.url(3)) as connection:
        worker = SimpleWorker([QUEUE], connection=connection, serializer=JSONSerializer)
        worker.work(burst=True, max_jobs=jobs, logging_level="CRITICAL")


def test_many_wake_ups_are_one_job(client: Client, queue: Queue) -> None:
    for _ in range(5):
        queue.wake_drain()

    assert waiting(client) == [DRAIN_ID]


def test_the_job_is_json_so_that_redis_cannot_run_code_in_a_worker(
    client: Client, queue: Queue, redis_server: Redis
) -> None:
    queue.wake_drain()

    with Client.from_url(redis_server.url(3)) as connection:
        job = Job.fetch(DRAIN_ID, connection, serializer=JSONSerializer)
        assert job.func_name == "central.jobs.tasks.drain"
        assert (job.args, job.kwargs) == ([], {})


class WakesMeanwhile:
    """More rows arrive while a drain runs."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def send(self, message: Message) -> Outcome:
        self._queue.wake_drain()
        return Recorded()


@pytest.mark.usefixtures("no_handlers_left_behind")
def test_a_running_drain_does_not_swallow_a_wake_up(
    session: Session,
    sessions: sessionmaker[Session],
    client: Client,
    queue: Queue,
    redis_server: Redis,
) -> None:
    delivery = Delivery(sessions, WakesMeanwhile(queue))
    tasks.equip(tasks.Equipment(delivery, queue, lambda: False))
    queued(session, a_family(session))
    queue.wake_drain()

    work(redis_server)
    left_after_one = waiting(client)
    queued(session, a_family(session))
    work(redis_server, jobs=1)  # the wake-up from within the first

    delivery.close()
    assert left_after_one == [DRAIN_ID]
    assert statuses(session) == ["recorded", "recorded"]


@pytest.mark.usefixtures("no_handlers_left_behind")
def test_a_drain_that_failed_does_not_block_the_next(
    session: Session,
    sessions: sessionmaker[Session],
    client: Client,
    queue: Queue,
    redis_server: Redis,
) -> None:
    nowhere = create_engine(f"postgresql+psycopg://127.0.0.1:{free_port()}/none")
    failing = Delivery(sessionmaker(nowhere), RecordOnly())
    working = Delivery(sessions, RecordOnly())
    queued(session, a_family(session))

    tasks.equip(tasks.Equipment(failing, queue, lambda: False))
    queue.wake_drain()
    work(redis_server)
    status = client.hget(f"rq:job:{DRAIN_ID}", "status")
    tasks.equip(tasks.Equipment(working, queue, lambda: False))
    queue.wake_drain()
    work(redis_server)

    failing.close()
    working.close()
    assert status == "failed"
    assert statuses(session) == ["recorded"]


@pytest.mark.usefixtures("no_handlers_left_behind")
def test_a_wake_up_whose_job_was_lost_is_made_up_for_by_the_next(
    session: Session,
    sessions: sessionmaker[Session],
    client: Client,
    queue: Queue,
    redis_server: Redis,
) -> None:
    delivery = Delivery(sessions, RecordOnly())
    tasks.equip(tasks.Equipment(delivery, queue, lambda: False))
    queued(session, a_family(session))
    queue.wake_drain()
    client.delete(f"rq:job:{DRAIN_ID}")  # on the list, but nothing to run
    work(redis_server)

    queue.wake_drain()
    work(redis_server)

    delivery.close()
    assert statuses(session) == ["recorded"]


@pytest.mark.usefixtures("no_handlers_left_behind")
def test_a_job_in_the_hands_of_a_killed_worker_does_not_block_the_next(
    session: Session,
    sessions: sessionmaker[Session],
    client: Client,
    queue: Queue,
    redis_server: Redis,
) -> None:
    delivery = Delivery(sessions, RecordOnly())
    tasks.equip(tasks.Equipment(delivery, queue, lambda: False))
    queued(session, a_family(session))
    queue.wake_drain()
    client.lmove(WAITING, f"{WAITING}:intermediate")
    client.hset(f"rq:job:{DRAIN_ID}", "status", "started")

    queue.wake_drain()
    work(redis_server)

    delivery.close()
    assert statuses(session) == ["recorded"]


def test_without_its_equipment_a_job_says_how_to_start_the_worker() -> None:
    tasks.equip(None)

    with pytest.raises(RuntimeError, match=r"python -m central.jobs worker"):
        tasks.drain()


def test_while_redis_is_away_waking_neither_raises_nor_waits_and_is_logged_once(
    tmp_path: Path,
) -> None:
    with Redis(tmp_path / "redis", free_port()) as server:
        queue = Queue(server.url())
        queue.wake_drain()
        server.kill()

        with capture_logs() as logs:
            began = time.monotonic()
            for _ in range(2000):  # a busy ingest
                queue.wake_drain()
            took = time.monotonic() - began
            server.start()
            with Client.from_url(server.url(), decode_responses=True) as client:
                client.delete(WAITING)
                eventually(lambda: woken(queue, client))

        queue.close()
    assert took < 2
    assert [line["event"] for line in logs] == ["wake_up_failed", "wake_up_works_again"]
