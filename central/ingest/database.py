"""Ingest's connection to PostgreSQL: one transaction a batch, and one error when it is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from sqlalchemy import create_engine, exc, text
from sqlalchemy.orm import Session

from central.attendance.service import Recorded
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


class DatabaseUnavailable(Exception):
    """PostgreSQL does not answer, or ended the transaction. Nothing of it is stored; try again."""


class Database:
    """Where batches are stored. Not to be shared between threads."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, pool_size=1, max_overflow=0, connect_args=_CONNECT)
        use_fast_arrays(self._engine)

    def probe(self) -> None:
        """Return if the database answers, else raise DatabaseUnavailable."""
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except _OUTAGES as error:
            raise self._unavailable(error) from error

    def store(self, messages: Sequence[Received]) -> Recorded:
        """Commit what these messages say. Raises DatabaseUnavailable if nothing was stored."""
        try:
            with Session(self._engine) as session, session.begin():
                return batch.store(session, messages, now=datetime.now(UTC))
        except _OUTAGES as error:
            raise self._unavailable(error) from error

    def close(self) -> None:
        self._engine.dispose()

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        self._engine.dispose()  # what is left of the connection is of no use
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        return DatabaseUnavailable(type(cause).__name__)
