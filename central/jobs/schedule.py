"""What is done by the clock. Every job can be repeated or skipped without harm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.orm import Session, sessionmaker

from central.accounts.expiry import delete_expired
from central.logging import job_context
from central.notifications.queries import anything_to_drain
from central.queue import Queue

# How late a message can be whose wake-up was lost, or whose retry has come.
SWEEP_EVERY: Final = timedelta(seconds=2)
# In UTC, and night in every part of Chile.
TIDY_AT: Final = {"hour": 7, "minute": 40}

log = structlog.stdlib.get_logger(__name__)


class Jobs:
    """The jobs with what they work on."""

    def __init__(self, sessions: sessionmaker[Session], queue: Queue) -> None:
        self._sessions = sessions
        self._queue = queue

    def sweep(self) -> None:
        """Wake a worker if messages are due or a sender was lost. Makes up for lost wake-ups."""
        with job_context("sweep"), self._sessions.begin() as session:
            waiting = anything_to_drain(session, datetime.now(UTC))
        if waiting:
            self._queue.wake_drain()

    def tidy(self) -> None:
        """Delete expired sessions and tokens."""
        with job_context("tidy"):
            with self._sessions.begin() as session:
                deleted = delete_expired(session, now=datetime.now(UTC))
            log.info("expired_deleted", rows=deleted)


def scheduler_of(
    jobs: Jobs, guard: Callable[[], None], guard_every: timedelta
) -> BackgroundScheduler:
    """A scheduler that is ready to start. A run that comes late is made up for once."""
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 300}
    )
    scheduler.add_job(guard, "interval", seconds=guard_every.total_seconds(), id="guard")
    scheduler.add_job(jobs.sweep, "interval", seconds=SWEEP_EVERY.total_seconds(), id="sweep")
    scheduler.add_job(jobs.tidy, "cron", id="tidy", **TIDY_AT)
    return scheduler
