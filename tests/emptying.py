"""Leaving a database as a test found it."""

from __future__ import annotations

from typing import Final

from psycopg.errors import DeadlockDetected
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from central.db import Base

TRIES: Final = 20


def empty(engine: Engine) -> None:
    """Remove every row. Numbers go on: a server that still runs may know the last."""
    _truncate(engine, "CASCADE")


def empty_and_renumber(engine: Engine) -> None:
    """Remove every row of every table, and begin to count at 1 again."""
    _truncate(engine, "RESTART IDENTITY CASCADE")


def _truncate(engine: Engine, how: str) -> None:
    """A process that still serves a page may hold some tables and want others.

    The database then ends one of the two, and if that was this one, it tries again.
    """
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    for left in reversed(range(TRIES)):
        try:
            with engine.begin() as connection:
                connection.execute(text(f"TRUNCATE {tables} {how}"))
        except OperationalError as error:
            if not left or not isinstance(error.orig, DeadlockDetected):
                raise
        else:
            return
