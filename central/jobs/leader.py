"""One leader among several schedulers, by an advisory lock that PostgreSQL keeps for a connection.

The lock belongs to a session of the server: through a pooler in transaction mode it would hold
nothing, so the scheduler must connect to PostgreSQL itself.
"""

from __future__ import annotations

from threading import Event
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

LOCK: Final = 7_270_012_026  # any number, the same for all schedulers of one database
_TRY: Final = text("SELECT pg_try_advisory_lock(:lock)")

log = structlog.stdlib.get_logger(__name__)


class Leadership:
    """The lock, and the connection that holds it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connection: Connection | None = None

    def await_turn(self, stopping: Event, *, pause: float = 1.0) -> bool:
        """Stand by until this process leads; False when it is told to stop before.

        A database that is away is waited for.
        """
        away = False
        while not stopping.is_set():
            try:
                if self._try():
                    return True
                away = False
            except OperationalError as error:
                self.give_up()
                if not away:
                    log.warning("database_away", reason=type(error.orig).__name__)
                away = True
            stopping.wait(pause)
        return False

    def confirm(self) -> None:
        """Raises OperationalError once the connection, and with it the lock, is lost."""
        assert self._connection is not None  # only a leader asks
        self._connection.execute(text("SELECT 1"))

    def give_up(self) -> None:
        """Let the next one lead."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
        self._connection = None

    def _try(self) -> bool:
        if self._connection is None:
            self._connection = self._engine.connect()
        return bool(self._connection.scalar(_TRY, {"lock": LOCK}))
