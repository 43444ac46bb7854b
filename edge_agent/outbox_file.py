"""The SQLite file of the outbox: how it is opened, and what its errors mean to the gate."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.kept_file import sync_folder

# FULL: the row is on the disk when the commit returns. NORMAL would lose the last taps at a power
# cut, after the beep. secure_delete: a stolen card must not give back what was forgotten.
_PRAGMAS = ("journal_mode = wal", "synchronous = full", "secure_delete = on")
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE life (stream TEXT NOT NULL, session INTEGER NOT NULL);
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, tap TEXT NOT NULL, repeats INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE counters (digest TEXT PRIMARY KEY, counter INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
"""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class OutboxUnavailable(Exception):
    """The file cannot be written or read now: a full disk, a failing card. Nothing was changed."""


class OutboxDamaged(OutboxUnavailable):
    """The file is no longer a sound database. Opening it anew sets it aside."""


def open_database(path: Path) -> sqlite3.Connection:
    """A sound file with every table. Raises OutboxDamaged and OutboxUnavailable."""
    fresh = not path.exists() or path.stat().st_size == 0
    with named_errors():
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        with named_errors():
            _prepare(database)
    except OutboxUnavailable:
        database.close()
        raise
    if fresh:
        sync_folder(path.parent)
    return database


def _prepare(database: sqlite3.Connection) -> None:
    for pragma in _PRAGMAS:
        database.execute(f"PRAGMA {pragma}")
    finding = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if finding != "ok":
        raise OutboxDamaged(str(finding).splitlines()[0])
    if database.execute("PRAGMA user_version").fetchone()[0] == 0:
        database.executescript(_SCHEMA)


@contextmanager
def one_change(database: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except sqlite3.Error:
        if database.in_transaction:  # a full disk may have ended it already
            database.execute("ROLLBACK")
        raise


@contextmanager
def named_errors() -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        # An extended code holds the primary one in its low byte. Absent when Python itself objects.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise (OutboxDamaged if code in _DAMAGE else OutboxUnavailable)(str(error)) from error
