"""From taps as they were sent to rows of the table, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance import rules
from central.devices.service import OpenStream
from contracts.messages import TapRead

# Lives as long as the connection; a statement cannot COPY into the table and skip repetitions.
_STAGING = text("""
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_taps (
        position integer, school_id bigint, stream_id bigint, seq bigint, gate_id bigint,
        direction text, tapped_at timestamptz, on_date date, clock text, boot text, up_ms bigint,
        reader text, card_kind text, digest bytea, verdict text, repeats integer, photo text,
        student_id bigint, counter integer, doubt text
    ) ON COMMIT DELETE ROWS
""")
_COPY = "COPY staged_taps FROM STDIN"
_EMPTY = text("DELETE FROM staged_taps")

# A card means the student whose it was when it was tapped, so that a tap which arrives after the
# card was revoked still counts; an unsynced clock cannot show that it was before. A torn read names
# nobody: its digest is the UID's, kept as a trace only. A UID names somebody only where the school
# takes that, a secure card only by what it proves. Staff name the student themselves.
_INSERT = text("""
    INSERT INTO taps
        (school_id, stream_id, seq, student_id, gate_id, direction, tapped_at, on_date, clock,
         boot, up_ms, reader, card_kind, digest, verdict, repeats, photo, received_at, counter,
         doubt)
    SELECT g.school_id, g.stream_id, g.seq,
        coalesce(g.student_id,
            (SELECT c.student_id FROM cards c
             WHERE c.school_id = g.school_id AND c.digest = g.digest AND g.verdict <> 'torn'
                AND (c.kind <> 'sun' OR g.counter IS NOT NULL)
                AND (c.kind <> 'uid'
                     OR (SELECT s.uid_cards FROM schools s WHERE s.id = g.school_id))
                AND (c.revoked_at IS NULL
                     OR (c.revoked_at > g.tapped_at AND g.clock <> 'unsynced')))),
        g.gate_id, g.direction, g.tapped_at, g.on_date, g.clock,
        g.boot, g.up_ms, g.reader, g.card_kind, g.digest, g.verdict, g.repeats, g.photo, :now,
        g.counter, g.doubt
    FROM staged_taps g ORDER BY g.position
    ON CONFLICT (school_id, stream_id, seq) DO NOTHING
    RETURNING school_id, student_id, on_date, stream_id, seq
""")

# `at` and `clock` of a tap may be repaired, and its repeats grow, between two sendings; the card
# and the place on the boot clock cannot.
_OTHER_CONTENT = text("""
    SELECT g.position FROM staged_taps g JOIN taps t USING (school_id, stream_id, seq)
    WHERE (t.digest, t.boot, t.up_ms) IS DISTINCT FROM (g.digest, g.boot, g.up_ms)
    ORDER BY g.position
""")


@dataclass(frozen=True, slots=True)
class Said:
    """What staff say of a passage that no card told: whose it was, and ``in`` or ``out``.

    ``told_otherwise``: guardians learn of it by a message of another kind.
    """

    student_id: int
    direction: str
    told_otherwise: bool = False


@dataclass(frozen=True, slots=True)
class StagedTap:
    """A tap, who sent it, the stream it belongs to, and what staff say if they made it.

    ``counter`` is what a secure card proved, ``doubt`` why it may not have been that card.
    """

    device_id: str
    stream: OpenStream
    tap: TapRead
    said: Said | None = None
    counter: int | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class NewTap:
    """A tap that was not here before. ``student_id`` is None for a card that means nobody."""

    school_id: int
    student_id: int | None
    on_date: date
    stream_id: int
    seq: int


def insert_new(session: Session, staged: Sequence[StagedTap], *, now: datetime) -> list[NewTap]:
    """Store the taps whose (stream, seq) is not here yet; of two in the batch, the first."""
    session.execute(_STAGING)
    session.execute(_EMPTY)  # a transaction may record more than one batch
    with _driver(session).cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in _rows(staged):
            copy.write_row(row)
    return [NewTap(*row) for row in session.execute(_INSERT, {"now": now}).all()]


def sent_with_other_content(session: Session, staged: Sequence[StagedTap]) -> list[StagedTap]:
    """Those of the batch just inserted whose number another tap of the stream has."""
    return [staged[position] for (position,) in session.execute(_OTHER_CONTENT)]


def _rows(staged: Sequence[StagedTap]) -> Iterator[tuple[Any, ...]]:
    for position, one in enumerate(staged):
        stream, tap, said = one.stream, one.tap, one.said
        direction = said.direction if said else tap.direction or stream.direction
        yield (
            *(position, stream.school_id, stream.id, tap.seq, stream.gate_id, direction),
            *(tap.at, rules.local_date(tap.at, stream.zone), tap.clock, tap.boot, tap.up_ms),
            *(tap.reader, tap.card.kind, bytes.fromhex(tap.card.digest), tap.verdict, tap.repeat),
            *(tap.photo, said.student_id if said else None, one.counter, one.doubt),
        )


def _driver(session: Session) -> Connection[Any]:
    """psycopg's own connection: SQLAlchemy has no COPY."""
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, Connection)
    return driver
