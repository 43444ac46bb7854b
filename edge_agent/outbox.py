"""What central has not receipted yet: one SQLite file that survives power loss.

A *stream* is one life of this file, named at random when the file is made. Within it ``seq`` counts
from 1 without holes, also after every row was forgotten: together they name a tap for ever.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from contracts.messages import TapRead

log = logging.getLogger(__name__)

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
_NOTE_COUNTER = """
    INSERT INTO counters (digest, counter) VALUES (?, ?)
    ON CONFLICT (digest) DO UPDATE SET counter = max(counter, excluded.counter)
"""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class OutboxUnavailable(Exception):
    """The file cannot be written or read now: a full disk, a failing card. Nothing was changed."""


class OutboxDamaged(OutboxUnavailable):
    """The file is no longer a sound database. Opening it anew sets it aside."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A tap on its way: ``wire`` is its part of a ``TapBatch``."""

    seq: int
    wire: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """``last`` is the newest seq ever given out in ``stream``; 0 before the first tap.

    ``first`` is the oldest without a receipt; when none waits, the next to be given out.
    """

    stream: str
    first: int
    last: int


class Outbox:
    """Safe for use by several threads. Every change is on the disk when its method returns."""

    def __init__(self, path: Path) -> None:
        """Raises OutboxDamaged, or OutboxUnavailable when the path itself is of no use."""
        self._lock = threading.Lock()
        fresh = not path.exists() or path.stat().st_size == 0
        with _named_errors():
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._stream, self._session = self._prepare()
        except OutboxUnavailable:
            self._database.close()
            raise
        if fresh:
            _sync_folder(path.parent)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The outbox at ``path``; a damaged one is set aside, said so, and a new stream begins."""
        try:
            return cls(path)
        except OutboxDamaged as damage:
            aside = _set_aside(path)
            log.error("outbox damaged (%s): kept as %s; a new stream begins", damage, aside)
            return cls(path)

    @property
    def stream(self) -> str:
        return self._stream

    def put(self, draft: TapRead, counter: int | None = None) -> int:
        """Make a tap durable and return its ``seq``; the draft's own is ignored.

        With it the ``counter`` that a secure card told, so that no power cut parts the two.
        """
        wire = draft.wire()
        del wire["seq"], wire["repeat"]
        with self._using() as database, _one_change(database):
            row = database.execute("INSERT INTO outbox (tap) VALUES (?)", (json.dumps(wire),))
            if counter is not None:
                database.execute(_NOTE_COUNTER, (draft.card.digest, counter))
            assert row.lastrowid is not None
            return row.lastrowid

    def count_repeat(self, seq: int) -> None:
        """The same card again: noted with its tap, as long as that has not been forgotten."""
        with self._using() as database:
            database.execute("UPDATE outbox SET repeats = repeats + 1 WHERE seq = ?", (seq,))

    def note_counter(self, digest: str, counter: int) -> None:
        """What a secure card told without a tap of its own."""
        with self._using() as database:
            database.execute(_NOTE_COUNTER, (digest, counter))

    def counter_of(self, digest: str) -> int:
        """The highest counter that this secure card told here; 0 before the first."""
        query = "SELECT counter FROM counters WHERE digest = ?"
        with self._using() as database:
            row = database.execute(query, (digest,)).fetchone()
        return 0 if row is None else int(row[0])

    def after(self, seq: int, most: int) -> list[Waiting]:
        """The oldest taps above ``seq``, in order."""
        query = "SELECT seq, tap, repeats FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._using() as database:
            rows = database.execute(query, (seq, most)).fetchall()
        return [Waiting(seq, _wire(seq, tap, repeats)) for seq, tap, repeats in rows]

    def forget(self, upto: int) -> None:
        """Central holds everything of this stream up to and including ``upto``."""
        with self._using() as database:
            database.execute("DELETE FROM outbox WHERE seq <= ?", (upto,))

    def depth(self) -> int:
        """How many taps wait for their receipt."""
        with self._using() as database:
            count: int = database.execute("SELECT count(*) FROM outbox").fetchone()[0]
        return count

    def span(self) -> Span:
        """The numbers in use, as one consistent view."""
        with self._using():
            last = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'") or 0
            oldest: int | None = self._one("SELECT min(seq) FROM outbox")
        return Span(self._stream, last + 1 if oldest is None else oldest, last)

    def begin_stream(self) -> None:
        """Number what waits anew, from 1, under a new name.

        For a file that was rolled back, by a restored image or a lying disk: central already holds
        numbers that this file would give out again, and would take the new taps for old ones.
        """
        stream = _new_stream()
        with self._using() as database, _one_change(database):
            rows = database.execute("SELECT tap, repeats FROM outbox ORDER BY seq").fetchall()
            database.execute("DELETE FROM outbox")
            database.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
            database.executemany("INSERT INTO outbox (tap, repeats) VALUES (?, ?)", rows)
            database.execute("UPDATE life SET stream = ?", (stream,))
        self._stream = stream

    def next_session(self, now: datetime) -> int:
        """A number above every earlier one, also above those of a file that was lost."""
        self._session = max(self._session + 1, int(now.timestamp()))
        try:
            with self._using() as database:
                database.execute("UPDATE life SET session = ?", (self._session,))
        except OutboxUnavailable as error:  # it still grows while this process lives
            log.warning("the session number could not be kept: %s", error)
        return self._session

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _named_errors():
            yield self._database

    def _prepare(self) -> tuple[str, int]:
        """Make sure of a sound file; its stream and the last session."""
        with _named_errors():
            for pragma in _PRAGMAS:
                self._database.execute(f"PRAGMA {pragma}")
            finding = self._one("PRAGMA quick_check(1)")
            if finding != "ok":
                raise OutboxDamaged(str(finding).splitlines()[0])
            if self._one("PRAGMA user_version") == 0:
                self._database.executescript(_SCHEMA)
            return self._life()

    def _life(self) -> tuple[str, int]:
        row = self._database.execute("SELECT stream, session FROM life").fetchone()
        if row is None:
            row = (_new_stream(), 0)
            self._database.execute("INSERT INTO life (stream, session) VALUES (?, ?)", row)
        return row[0], row[1]

    def _one(self, query: str) -> Any:
        row = self._database.execute(query).fetchone()
        return None if row is None else row[0]


def _wire(seq: int, tap: str, repeats: int) -> dict[str, Any]:
    """The tap as sent. One that a bad disk garbled still goes out, so that central can say so:
    held back, it would be a hole that no receipt ever passes."""
    try:
        stored = json.loads(tap)
    except ValueError:
        stored = None
    if not isinstance(stored, dict):
        log.error("tap %d was damaged on the disk", seq)
        return {"seq": seq, "damaged": tap[:1000]}
    return {"seq": seq, **stored, "repeat": repeats}


@contextmanager
def _one_change(database: sqlite3.Connection) -> Iterator[None]:
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
def _named_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        # An extended code holds the primary one in its low byte. Absent when Python itself objects.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise (OutboxDamaged if code in _DAMAGE else OutboxUnavailable)(str(error)) from error


def _new_stream() -> str:
    return uuid.uuid4().hex


def _set_aside(path: Path) -> Path:
    """Rename the database and its companions together, so that a person can still recover it."""
    aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
    for suffix in ("", "-wal", "-shm"):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    _sync_folder(path.parent)
    return aside


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable too, not only its content."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
