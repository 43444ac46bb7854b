"""Waking the workers. The rows in PostgreSQL are the queue; Redis only carries the wake-up.

So nothing here may fail its caller: a wake-up that is lost costs the time until the scheduler's
next sweep, and never a message.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue as RqQueue
from rq.serializers import JSONSerializer

QUEUE: Final = "default"
DRAIN: Final = "central.jobs.tasks.drain"
DRAIN_ID: Final = "drain-notifications"
PHOTOS: Final = "central.jobs.tasks.photos"
PHOTOS_ID: Final = "open-photos"
# A job ends by itself well before (see central.jobs.tasks); this one is only against a hang.
LONGEST_JOB: Final = timedelta(minutes=10)
# While Redis is away a caller pays for one attempt in this time, not for one a batch.
REST_AFTER_FAILURE: Final = timedelta(seconds=1)
FOREVER: Final = -1

log = structlog.stdlib.get_logger(__name__)


class Queue:
    """Hands jobs to the workers. Share one in a process; threads may use it at once."""

    def __init__(self, redis_url: str) -> None:
        connection = Redis.from_url(
            redis_url,
            socket_timeout=1,
            socket_connect_timeout=0.5,
            # One more try for a connection that went stale; the default waits for seconds.
            retry=Retry(NoBackoff(), 1),
        )
        self._jobs = RqQueue(QUEUE, connection=connection, serializer=JSONSerializer)
        self._rests_until = 0.0
        self._down = False

    def wake_drain(self) -> None:
        """Have a worker send the messages that are due, unless one is about to look anyway.

        Call it after the commit. Never raises; one round trip when a wake-up already waits.
        """
        self._wake(DRAIN, DRAIN_ID)

    def wake_photos(self) -> None:
        """As ``wake_drain``, for photos that wait to be opened or deleted."""
        self._wake(PHOTOS, PHOTOS_ID)

    def _wake(self, job: str, job_id: str) -> None:
        if time.monotonic() < self._rests_until:
            return
        try:
            self._enqueue(job, job_id)
        except RedisError as error:
            self._rests_until = time.monotonic() + REST_AFTER_FAILURE.total_seconds()
            if not self._down:
                log.warning("wake_up_failed", reason=type(error).__name__)
            self._down = True
        else:
            if self._down:
                log.info("wake_up_works_again")
            self._down = False

    def close(self) -> None:
        self._jobs.connection.close()

    def _enqueue(self, job: str, job_id: str) -> None:
        """Put the one job of this id on the list if it is not on it.

        What counts is the list, not the job's state: one that runs has left the list and may
        have read the table before our rows, so it must not swallow this wake-up; one that failed
        or was killed must not block it. The job's hash is shared by all its runs and is kept, for
        a run that deleted it on finishing would take the waiting wake-up with it.
        """
        if self._jobs.connection.lpos(self._jobs.key, job_id) is None:
            self._jobs.enqueue(
                job,
                job_id=job_id,
                job_timeout=int(LONGEST_JOB.total_seconds()),
                result_ttl=FOREVER,
                failure_ttl=FOREVER,
            )
