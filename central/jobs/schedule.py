"""What is done by the clock. Every job can be repeated or skipped without harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from central.accounts.expiry import delete_expired
from central.attendance.closing_service import close_day, dates_to_close
from central.db import enter_schools
from central.jobs.broker import KEEP_EVERY, BrokerKeeper
from central.jobs.photos import LOOK_EVERY, RENEW_EVERY, PhotoWatch
from central.logging import job_context
from central.no_shows import watch_service
from central.no_shows.scene_queries import Start
from central.no_shows.service import Checked, check_late, look_again, run_check
from central.notifications.queries import anything_to_drain
from central.queue import Queue
from central.schools.queries import all_schools

# How late a message can be whose wake-up was lost, or whose retry has come.
SWEEP_EVERY: Final = timedelta(seconds=2)
# How late an alert can be, and how soon a gate that is out is noticed.
WATCH_EVERY: Final = timedelta(seconds=15)
# Each school's night is at its own time; closing late does no harm.
CLOSE_EVERY: Final = timedelta(minutes=10)
# In UTC, and night in every part of Chile.
TIDY_AT: Final = {"hour": 7, "minute": 40}


class Check(Protocol):
    """Looks once for students who have not come."""

    def __call__(self, session: Session, start: Start, *, now: datetime) -> Checked | None: ...


log = structlog.stdlib.get_logger(__name__)


class Jobs:
    """The jobs with what they work on."""

    def __init__(self, sessions: sessionmaker[Session], queue: Queue, *, grace: timedelta) -> None:
        self._sessions = sessions
        self._queue = queue
        self._grace = grace

    def sweep(self) -> None:
        """Wake a worker if messages are due or a sender was lost. Makes up for lost wake-ups."""
        with job_context("sweep"), self._sessions.begin() as session:
            waiting = anything_to_drain(session, datetime.now(UTC))
        if waiting:
            self._queue.wake_drain()

    def watch(self) -> None:
        """Look for students who have not come, and at the gates that should have seen them."""
        with job_context("watch"):
            now = datetime.now(UTC)
            with self._sessions.begin() as session:
                schools = all_schools(session)
                enter_schools(session, schools)
                found = watch_service.survey(session, schools, now=now, grace=self._grace)
            for school_id, gate_id in found.back:
                with self._school(school_id) as session:
                    watch_service.end_outage(session, school_id, gate_id)
            for start in found.due:
                self._check(run_check, start, now)
            for start in found.late:
                self._check(check_late, start, now)
            for held in found.held:
                with self._school(held.start.school_id) as session:
                    look_again(session, held.start, held.task_id, now=now)
        # the sweep wakes a worker for what this has queued

    def _check(self, check: Check, start: Start, now: datetime) -> None:
        checked = None
        with self._school(start.school_id) as session:
            checked = check(session, start, now=now)
        if checked is None:
            return
        log.info(
            "no_shows_checked",
            school=start.school_id,
            expected=checked.expected,
            missing=checked.missing,
            told=checked.told.students,
            held=checked.task_id is not None,
        )

    def close_days(self) -> None:
        """Close the dates that are over at the schools' own night."""
        with job_context("close_days"):
            now = datetime.now(UTC)
            with self._sessions.begin() as session:
                schools = all_schools(session)
                enter_schools(session, schools)
                dates = dates_to_close(session, schools, now=now)
            for school_id, on_date in dates:
                with self._school(school_id) as session:
                    watch_service.end_day(session, school_id, on_date, now=now)
                    close_day(session, school_id, on_date, now=now)
                log.info("day_closed", school=school_id, on_date=on_date.isoformat())

    @contextmanager
    def _school(self, school_id: int) -> Iterator[Session]:
        """A transaction of its own in one school. Its trouble is logged, and the others go on."""
        try:
            with self._sessions.begin() as session:
                enter_schools(session, [school_id])
                yield session
        except SQLAlchemyError as error:
            log.error("school_left_out", school=school_id, reason=type(error).__name__)

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
    scheduler.add_job(jobs.watch, "interval", seconds=WATCH_EVERY.total_seconds(), id="watch")
    scheduler.add_job(
        jobs.close_days, "interval", seconds=CLOSE_EVERY.total_seconds(), id="close_days"
    )
    scheduler.add_job(jobs.tidy, "cron", id="tidy", **TIDY_AT)
    return scheduler


def watch_photos(scheduler: BackgroundScheduler, watch: PhotoWatch) -> None:
    """Have ``watch`` do its work by the clock, and tell gates of a new key at once."""
    scheduler.add_job(
        watch.look, "interval", seconds=LOOK_EVERY.total_seconds(), id="look_for_photos"
    )
    scheduler.add_job(
        watch.renew,
        "interval",
        seconds=RENEW_EVERY.total_seconds(),
        id="renew_photo_keys",
        next_run_time=datetime.now(UTC),
    )


def keep_broker(scheduler: BackgroundScheduler, keeper: BrokerKeeper) -> None:
    """Have ``keeper`` look whether the broker lacks anything, beginning at once."""
    scheduler.add_job(
        keeper.keep,
        "interval",
        seconds=KEEP_EVERY.total_seconds(),
        id="keep_broker",
        next_run_time=datetime.now(UTC),
    )
