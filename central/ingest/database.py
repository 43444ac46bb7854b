"""Ingest's connection to PostgreSQL: one transaction a batch, and one error when it is away.

A message must not hold up the others. A batch that fails for another reason than an outage is
rolled back and stored again message by message; what fails again goes into quarantine. Its taps
are not entered as received, so no receipt covers them: the device keeps them and sends again, and
a fault of ours that is mended later has lost nothing.

When nothing at all of several devices' messages can be stored, the fault is ours and not theirs:
then the error is raised, nothing is acknowledged, and the broker keeps what it has. One device
alone cannot bring that about, however many messages it sends.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import structlog
from sqlalchemy import create_engine, exc, text
from sqlalchemy.orm import Session

from central.attendance.service import Recorded
from central.cards.keys import CardKeys
from central.errors import DomainError
from central.ingest import batch
from central.ingest.arrays import use_fast_arrays
from central.ingest.reading import Received

_SETTINGS: Final = {
    # A statement of a batch takes milliseconds. The limits keep a stuck server from holding the
    # loop longer than the broker's keep-alive, after which the broker would give the batch away.
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    # Every look-up of a batch is by key, whatever the statistics say. A plan made while a table was
    # small, as all are in a new installation, would read it whole for each of hundreds of taps,
    # and this connection would keep that plan while the table grows.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "jit": "off",  # what is switched off above looks expensive, which is when jit sets in
}
# Plans are kept, and the tables of a new school grow a thousandfold within its first morning.
# Making them anew costs a few milliseconds.
REPLAN_SECONDS: Final = 2
_CONNECT: Final[dict[str, Any]] = {
    "application_name": "attendance-ingest",
    "connect_timeout": 5,
    "prepare_threshold": 0,  # plan each statement once a connection, not five times
    "options": " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items()),
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# Raw psycopg errors come from COPY, which does not pass through SQLAlchemy.
_OUTAGES: Final = (
    exc.OperationalError,
    exc.InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
# What the content of a message can cause, besides what PostgreSQL says of it.
_FAULTS: Final = (
    exc.SQLAlchemyError,
    psycopg.Error,
    DomainError,
    ValueError,  # of which UnicodeError is one
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)
# PostgreSQL's class of limits exceeded: psycopg files it with the outages, yet it comes again
# with the same values.
_TOO_MUCH: Final = "54"

log = structlog.stdlib.get_logger(__name__)


class DatabaseUnavailable(Exception):
    """PostgreSQL does not answer, or ended the transaction. Trying again repeats nothing."""


class Database:
    """Where batches are stored. Not to be shared between threads."""

    def __init__(self, url: str, keys: CardKeys | None = None) -> None:
        """``keys`` prove what secure cards say, where there are any."""
        self._engine = create_engine(url, pool_size=1, max_overflow=0, connect_args=_CONNECT)
        use_fast_arrays(self._engine)
        self._replan_at = 0.0
        self._keys = keys

    def probe(self) -> None:
        """Return if the database answers, else raise DatabaseUnavailable."""
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except _OUTAGES as error:
            raise self._unavailable(error) from error

    def store(self, messages: Sequence[Received]) -> Recorded:
        """Commit what these messages say, or that they cannot be stored.

        Raises DatabaseUnavailable if that was not possible for all of them. Any other error means
        that nothing of several devices' messages can be stored.
        """
        try:
            return self._store(messages)
        except _FAULTS as error:
            self._raise_outage(error)
            log.warning("batch_not_stored", messages=len(messages), reason=_name(error))
        try:
            return self._store_each(messages)
        except _FAULTS as error:
            self._raise_outage(error)
            raise

    def _store(self, messages: Sequence[Received]) -> Recorded:
        with Session(self._engine) as session, session.begin():
            self._replan(session)
            return batch.store(session, messages, now=datetime.now(UTC), keys=self._keys)

    def _replan(self, session: Session) -> None:
        if time.monotonic() >= self._replan_at:
            session.execute(text("DISCARD PLANS"))
            self._replan_at = time.monotonic() + REPLAN_SECONDS

    def _store_each(self, messages: Sequence[Received]) -> Recorded:
        stored: list[Recorded] = []
        failed: list[tuple[Received, Exception]] = []
        for message in messages:
            try:
                stored.append(self._store([message]))
            except _FAULTS as error:
                self._raise_outage(error)
                failed.append((message, error))
        if not stored and len({batch.sender(message) for message, _ in failed}) > 1:
            raise failed[0][1]
        for message, fault in failed:
            self._set_apart(message, fault)
        return _together(stored)

    def _set_apart(self, message: Received, error: Exception) -> None:
        log.error(
            "message_not_stored",
            device=batch.sender(message),
            payload_bytes=len(message.payload),
            reason=_name(error),
        )
        reason = f"cannot be stored: {_name(error)}"
        with Session(self._engine) as session, session.begin():
            batch.set_apart(session, message, reason, now=datetime.now(UTC))

    def close(self) -> None:
        self._engine.dispose()

    def _raise_outage(self, error: Exception) -> None:
        """Return if ``error`` is about what was to be stored."""
        limit = (getattr(_cause(error), "sqlstate", None) or "").startswith(_TOO_MUCH)
        if isinstance(error, _OUTAGES) and not limit:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        self._engine.dispose()  # what is left of the connection is of no use
        return DatabaseUnavailable(_name(error))


def _together(parts: Iterable[Recorded]) -> Recorded:
    """Of the receipts for one stream, the last: it knows what the others know."""
    receipts, taps, notifications = {}, 0, 0
    for part in parts:
        receipts.update({(device, receipt.stream): receipt for device, receipt in part.receipts})
        taps += part.taps
        notifications += part.notifications
    told = tuple((device, receipt) for (device, _), receipt in receipts.items())
    return Recorded(told, taps, notifications)


def _name(error: Exception) -> str:
    return type(_cause(error)).__name__


def _cause(error: Exception) -> BaseException:
    cause = error.orig if isinstance(error, exc.DBAPIError) else None
    return cause or error
