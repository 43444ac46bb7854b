"""The process that acts by the clock. Run as many as you like: one leads, the others stand by."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from central.identity.sealing import Safe
from central.jobs.broker import BrokerFolder, BrokerKeeper
from central.jobs.database import open_engine, open_sessions
from central.jobs.leader import Leadership
from central.jobs.photos import PhotoWatch
from central.jobs.post import Post
from central.jobs.schedule import Jobs, keep_broker, scheduler_of, watch_photos
from central.jobs.steering import STEER_EVERY, Steering
from central.media.photo_keys import photo_keys
from central.queue import Queue
from central.settings import Settings

GUARD_EVERY: Final = timedelta(seconds=2)
LOST_LEADERSHIP: Final = 75  # EX_TEMPFAIL: the supervisor starts it again, to stand by

log = structlog.stdlib.get_logger(__name__)


def run(settings: Settings) -> None:
    """Stand by, then lead, until SIGTERM. Ends the process at once when leadership is lost."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    leadership = Leadership(open_engine(settings, "scheduler", poolclass=NullPool))
    queue = Queue(settings.redis_url)
    log.info("started")

    def guard() -> None:
        try:
            leadership.confirm()
        except SQLAlchemyError as error:
            log.critical("leadership_lost", reason=type(error).__name__)
            os._exit(LOST_LEADERSHIP)  # no clean-up: another may lead already

    if leadership.await_turn(stopping):
        log.info("leading")
        scheduler = scheduler_of(
            Jobs(
                open_sessions(settings, "scheduler"),
                queue,
                grace=timedelta(minutes=settings.no_show_grace_minutes),
            ),
            guard,
            GUARD_EVERY,
        )
        steering = Steering(open_sessions(settings, "scheduler"), Post(settings))
        scheduler.add_job(
            steering.steer, "interval", seconds=STEER_EVERY.total_seconds(), id="steer"
        )
        scheduler.add_job(steering.forget, "interval", hours=6, id="forget_health")
        watch_photos(scheduler, _photo_watch(settings, queue))
        if settings.broker_folder:
            keep_broker(scheduler, _broker_keeper(settings))
        scheduler.start()
        stopping.wait()
        scheduler.shutdown()
    leadership.give_up()
    queue.close()
    log.info("stopped")


def _photo_watch(settings: Settings, queue: Queue) -> PhotoWatch:
    return PhotoWatch(
        open_sessions(settings, "scheduler"),
        queue,
        photo_keys(settings).current,
        timedelta(days=settings.photo_retention_days),
    )


def _broker_keeper(settings: Settings) -> BrokerKeeper:
    return BrokerKeeper(
        open_sessions(settings, "scheduler"),
        Safe(settings.identity_secret),
        BrokerFolder(Path(settings.broker_folder)),
        settings.mqtt_public_host,
    )
