"""What central has not receipted yet: one SQLite file that survives power loss.

A *stream* is one life of this file, named at random when the file is made. Within it ``seq`` counts
from 1 without holes, also after every row was forgotten: together they name a tap for ever.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from contracts.messages import TapRead
from edge_agent.kept_file import set_aside, was_set_aside
from edge_agent.outbox_file import (
    OutboxDamaged,
    OutboxUnavailable,
    named_errors,
    one_change,
    open_database,
)
from edge_agent.reserve import Reserve

__all__ = ["Outbox", "OutboxDamaged", "OutboxUnavailable", "Span", "Waiting"]

log = logging.getLogger(__name__)

_NOTE_COUNTER = """
    INSERT INTO counters (digest, counter) VALUES (?, ?)
    ON CONFLICT (digest) DO UPDATE SET counter = max(counter, excluded.counter)
"""
_RESERVE = "reserve"


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
        self._path = path
        self._reserve = Reserve(path.with_name(_RESERVE))
        self._refused = 0
        self._database = open_database(path)
        try:
            with named_errors():
                self._stream, self._session = self._life()
        except OutboxUnavailable:
            self._database.close()
            raise
        self._reserve.hold()

    @classmethod
    def open(cls, path: Path) -> Self:
        """The outbox at ``path``; a damaged one is set aside, said so, and a new stream begins."""
        try:
            return cls(path)
        except OutboxDamaged as damage:
            aside = set_aside(path)
            log.error("outbox damaged (%s): kept as %s; a new stream begins", damage, aside)
            return cls(path)
        except OutboxUnavailable as error:
            if not path.is_file():
                raise
            log.warning("the outbox cannot be opened: %s", error)
            with Reserve(path.with_name(_RESERVE)).given_way():
                return cls(path)

    @property
    def stream(self) -> str:
        return self._stream

    @property
    def refused(self) -> int:
        """How many taps found no room since we were opened: they are lost, and were said to be."""
        return self._refused

    @property
    def was_damaged(self) -> bool:
        """Whether an earlier file lies beside this one for a person to look at."""
        return was_set_aside(self._path)

    def put(self, draft: TapRead, counter: int | None = None) -> int:
        """Make a tap durable and return its ``seq``; the draft's own is ignored.

        With it the ``counter`` that a secure card told, so that no power cut parts the two.
        """
        wire = draft.wire()
        del wire["seq"], wire["repeat"]
        row = (json.dumps(wire), draft.card.digest, counter)
        try:
            return self._insert(*row)
        except OutboxDamaged:
            raise
        except OutboxUnavailable:
            self._use_log_again()
        try:
            return self._insert(*row)
        except OutboxUnavailable:
            self._refused += 1
            raise

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
        try:
            self._delete(upto)
        except OutboxDamaged:
            raise
        except OutboxUnavailable:
            with self._reserve.given_way():
                self._delete(upto)
                self._use_log_again()

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
        with self._using() as database, one_change(database):
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

    def _insert(self, tap: str, digest: str, counter: int | None) -> int:
        with self._using() as database, one_change(database):
            row = database.execute("INSERT INTO outbox (tap) VALUES (?)", (tap,))
            if counter is not None:
                database.execute(_NOTE_COUNTER, (digest, counter))
            assert row.lastrowid is not None
            return row.lastrowid

    def _delete(self, upto: int) -> None:
        with self._using() as database:
            database.execute("DELETE FROM outbox WHERE seq <= ?", (upto,))

    def _use_log_again(self) -> None:
        """Write SQLite's log into the database, so that the log need not grow on a full disk."""
        with suppress(OutboxUnavailable), self._using() as database:
            database.execute("PRAGMA wal_checkpoint(RESTART)")

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, named_errors():
            yield self._database

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


def _new_stream() -> str:
    return uuid.uuid4().hex
