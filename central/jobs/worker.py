"""The process that runs jobs: RQ's SimpleWorker, which does not fork for each.

Forking would throw away, after every wake-up, the database connection, the threads and their TLS
connections to the provider, and may not be done beside threads anyway; tiny jobs ran five times
as many a second without it. What the fork is for, a job that brings the process down, the
supervisor and the leases in the table deal with.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Final

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy.orm import Session, sessionmaker

from central.jobs import tasks
from central.jobs.database import open_sessions
from central.media.photo_desk import PhotoDesk
from central.media.photo_keys import photo_keys
from central.media.store import store_of
from central.notifications.channel import Channel, RecordOnly
from central.notifications.delivery import Delivery
from central.notifications.whatsapp import WhatsApp
from central.queue import QUEUE, Queue
from central.settings import Settings

PAUSE: Final = timedelta(seconds=1)
# RQ waits for a job 15 s less than this, then shows that it lives and waits on.
WORKER_TTL: Final = timedelta(seconds=30)

log = structlog.stdlib.get_logger(__name__)


class Worker(SimpleWorker):
    """Runs jobs until told to stop, and then first ends the one in its hands."""

    max_connection_wait_time = 5.0
    on_stop: Callable[[], None]

    def handle_warm_shutdown_request(self) -> None:
        self.on_stop()

    def set_shutdown_requested_date(self) -> None:
        """Only for dashboards, and it would break off a running job while Redis is away."""

    def subscribe(self) -> None:
        """No commands through Redis: whoever can write there shall not stop a worker."""

    def unsubscribe(self) -> None:
        pass


def run(settings: Settings) -> None:
    """Run jobs until SIGTERM. While Redis is away it waits; the rows wait in the table."""
    stopping = Event()
    sessions = open_sessions(settings, "worker")
    delivery = Delivery(sessions, channel_of(settings))

    def stop() -> None:
        log.info("stopping")
        stopping.set()
        delivery.stop()

    queue = Queue(settings.redis_url)
    tasks.equip(tasks.Equipment(delivery, queue, photo_desk(settings, sessions).work))
    while not stopping.is_set():
        _stop_on_signals(stop)
        _work(settings.redis_url, stop)
        stopping.wait(PAUSE.total_seconds())
    delivery.close()
    queue.close()
    log.info("stopped")


def photo_desk(settings: Settings, sessions: sessionmaker[Session]) -> PhotoDesk:
    return PhotoDesk(
        sessions,
        store_of(settings),
        photo_keys(settings),
        timedelta(days=settings.photo_retention_days),
    )


def channel_of(settings: Settings) -> Channel:
    """WhatsApp, or nothing but the record while real sending is switched off."""
    if not settings.enable_real_notifications:
        return RecordOnly()
    return WhatsApp(
        settings.whatsapp_api_url,
        settings.whatsapp_phone_number_id,
        settings.whatsapp_access_token,
    )


def _work(redis_url: str, on_stop: Callable[[], None]) -> None:
    """Run jobs until told to stop or until Redis is lost at a moment that RQ does not bridge."""
    connection = Redis.from_url(
        redis_url,
        socket_connect_timeout=2,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1),
    )
    try:
        worker = Worker(
            [QUEUE],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=int(WORKER_TTL.total_seconds()),
        )
        worker.on_stop = on_stop
        log.info("Listening", queue=QUEUE)
        worker.work(logging_level=None)
    except RedisError as error:
        log.warning("redis_lost", reason=type(error).__name__)
    finally:
        connection.close()


def _stop_on_signals(stop: Callable[[], None]) -> None:
    """For the time outside ``Worker.work``, which has handlers of its own."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())
