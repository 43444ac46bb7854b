"""Giving a time to taps that were made before their device knew what time it was.

A device tells such a tap's place on the clock that counts from its boot, and later, once, where
that clock's zero lies: an anchor. Both together are the tap's time, whichever comes first. What
the device said of the time stays in the row beside it.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.attendance.facts import Day
from central.attendance.staging import NewTap
from central.schools.models import School

Boot = tuple[str, str]  # device id, and the name of one of its boots

# Apart from the advisory locks of others; a clash would only make somebody wait.
_DEVICE_LOCKS: Final = 0x7AA << 48
_LOCK = text(
    "SELECT count(*) FROM (SELECT pg_advisory_xact_lock(key)"
    " FROM unnest(CAST(:keys AS bigint[])) AS key) AS locked"
)
_DERIVE = text("""
    SELECT school_id, student_id, on_date, stream_id, seq, was_student, was_on, was_clock
    FROM derive_tap_times(CAST(:devices AS text[]), CAST(:boots AS text[]))
""")


@dataclass(frozen=True, slots=True)
class Repaired:
    """Taps with another time than before. ``found`` had none that could be trusted until now."""

    moved: Sequence[NewTap] = ()
    found: Sequence[NewTap] = ()
    left: frozenset[Day] = frozenset()  # the days that they belonged to before


def lock(session: Session, boots: Collection[Boot]) -> None:
    """Let no other transaction store taps of an unsure time, or anchors, of these devices.

    Else a tap and the anchor of its boot, stored at once, would miss each other. To be called
    before either is stored.
    """
    if boots:
        keys = {_DEVICE_LOCKS + zlib.crc32(device_id.encode()) for device_id, _ in boots}
        session.execute(_LOCK, {"keys": sorted(keys)})


def derive(session: Session, boots: Collection[Boot]) -> Repaired:
    """Bring the taps of these boots up to their anchors, where there are any."""
    if not boots:
        return Repaired()
    listed = sorted(boots)
    rows = session.execute(
        _DERIVE,
        {"devices": [device_id for device_id, _ in listed], "boots": [boot for _, boot in listed]},
    ).all()
    moved = [NewTap(row.school_id, row.student_id, row.on_date, *row[3:5]) for row in rows]
    return Repaired(
        moved,
        [tap for tap, row in zip(moved, rows, strict=True) if row.was_clock == "unsynced"],
        frozenset((row.school_id, row.was_student, row.was_on) for row in rows if row.was_student),
    )


def as_stored(fresh: Iterable[NewTap], repaired: Repaired) -> list[NewTap]:
    """The taps that are news: those just stored, at their derived times, and those just found."""
    derived = {(tap.stream_id, tap.seq): tap for tap in repaired.moved}
    news = {(tap.stream_id, tap.seq): tap for tap in repaired.found}
    for tap in fresh:
        news[tap.stream_id, tap.seq] = derived.get((tap.stream_id, tap.seq), tap)
    return list(news.values())


def days_of(taps: Iterable[NewTap]) -> set[Day]:
    return {
        (tap.school_id, tap.student_id, tap.on_date) for tap in taps if tap.student_id is not None
    }


def with_zones(
    session: Session, zones: Mapping[int, ZoneInfo], touched: Collection[Day]
) -> dict[int, ZoneInfo]:
    """``zones`` and those of the other schools of ``touched``."""
    missing = {school_id for school_id, _, _ in touched} - zones.keys()
    found = dict(zones)
    if missing:
        query = select(School.id, School.timezone).where(School.id.in_(missing))
        found |= {row.id: ZoneInfo(row.timezone) for row in session.execute(query)}
    return found
