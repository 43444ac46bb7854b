"""Whether this process could serve now: what it needs is asked, all at once and not for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

import structlog
from alembic.script import ScriptDirectory
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from central.media.store import Store, StoreUnavailable
from central.mqtt_probe import BrokerRefused, greet
from central.settings import Settings

MIGRATIONS: Final = Path(__file__).parent.parent / "migrations"
PATIENCE_SECONDS: Final = 2.0  # a supervisor's own time-out is often 3
FRESH_SECONDS: Final = 1.0  # anybody may ask: asking more often must not cost more
FAILURES: Final = (SQLAlchemyError, RedisError, StoreUnavailable, BrokerRefused, OSError)

OK, FAILED, LATE = "ok", "failed", "late"

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """How one dependency answered. Says nothing about why not: that is in the log."""

    state: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Report:
    checks: Mapping[str, Check]
    last_tap_received_at: datetime | None  # None: never, or the database does not say

    @property
    def ready(self) -> bool:
        return all(check.state == OK for check in self.checks.values())


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    revision: str | None
    last_tap_received_at: datetime | None


class Readiness:
    """Asks the dependencies; share one in a process. Threads may ask it at once."""

    def __init__(
        self, settings: Settings, store: Store, *, fresh_seconds: float = FRESH_SECONDS
    ) -> None:
        engine = create_engine(
            settings.database_url_for("web"),
            poolclass=NullPool,  # a pool that is exhausted must not look like a dead database
            connect_args={"connect_timeout": 2, "options": "-c statement_timeout=2000"},
        )
        redis = Redis.from_url(
            settings.redis_url,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._probes: Mapping[str, Callable[[], Any]] = {
            "database": lambda: _database_facts(engine),
            "redis": redis.ping,
            "broker": lambda: greet(settings, timeout=PATIENCE_SECONDS),
            "store": store.check,
        }
        self._threads = ThreadPoolExecutor(len(self._probes), thread_name_prefix="readiness")
        self._running: dict[str, Future[Any]] = {}
        self._states: dict[str, str] = {}
        self._fresh_seconds = fresh_seconds
        self._asking = Lock()
        self._last: Report | None = None
        self._last_at = 0.0

    def report(self) -> Report:
        """How things are, at most a second old; in at most two seconds or so."""
        if not self._asking.acquire(blocking=self._last is None):
            assert self._last is not None
            return self._last  # somebody asks already: take what was found before
        try:
            if self._last is None or time.monotonic() - self._last_at > self._fresh_seconds:
                self._last, self._last_at = self._ask(), time.monotonic()
            return self._last
        finally:
            self._asking.release()

    def _ask(self) -> Report:
        began = time.monotonic()
        for name, probe in self._probes.items():
            # one that still hangs is asked again when it has given up: threads never pile up
            if name not in self._running or self._running[name].done():
                self._running[name] = self._threads.submit(_timed, probe)
        answers = {name: self._answer(name, began) for name in self._probes}
        checks = {name: check for name, (check, _) in answers.items()}
        database, facts = answers["database"]
        at_head = isinstance(facts, DatabaseFacts) and facts.revision == newest_revision()
        checks["migrations"] = Check(OK if at_head else FAILED, database.milliseconds)
        last = facts.last_tap_received_at if isinstance(facts, DatabaseFacts) else None
        return Report(checks, last)

    def _answer(self, name: str, began: float) -> tuple[Check, Any]:
        left = max(0.0, began + PATIENCE_SECONDS - time.monotonic())
        try:
            answer, seconds = self._running[name].result(timeout=left)
            state, reason = OK, ""
        except Late:
            answer, seconds = None, time.monotonic() - began
            state, reason = LATE, "no answer"
        except FAILURES as error:
            answer, seconds = None, time.monotonic() - began
            state, reason = FAILED, type(error).__name__
        if self._states.get(name, OK) != state:
            log.warning("readiness_changed", check=name, state=state, reason=reason)
        self._states[name] = state
        return Check(state, round(seconds * 1000)), answer


def _timed(probe: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    answer = probe()
    return answer, time.monotonic() - began


def _database_facts(engine: Engine) -> DatabaseFacts:
    with engine.connect() as connection:
        revision = connection.execute(text("SELECT max(version_num) FROM alembic_version")).scalar()
        last = connection.execute(text("SELECT last_tap_received_at()")).scalar()
    return DatabaseFacts(revision, last)


@cache
def newest_revision() -> str | None:
    """The migration that this version of the code was written for."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()
