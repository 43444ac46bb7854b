"""What a day's taps mean. Nothing here knows a database, a clock or a zone of its own.

Every conclusion is drawn from the whole day, ordered by what the taps themselves say, so the order
in which they arrived cannot change it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

STALE_AFTER = timedelta(hours=2)  # a late "has arrived" alarms more than it informs
REPEAT_WITHIN = timedelta(seconds=45)  # a nervous second tap; queueing up again takes longer

ENTRY, EXIT = "entry", "exit"
_STATED = {"in": ENTRY, "out": EXIT}  # by the device's policy; an `auto` device states nothing


class DayTap(NamedTuple):
    """One tap of one student on one date. ``direction`` is the policy of the device."""

    tapped_at: datetime
    direction: str
    gate_id: int
    clock: str = "synced"
    card_kind: str = "token"
    stream_id: int = 0
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A student went through a gate once, however often the card was read.

    ``ordinal`` counts the entries, or the exits, of the day from 1. ``reason`` says how the
    direction is known: ``gate`` (the device serves one direction), ``staff`` (a person said so) or
    ``sequence`` (the opposite of the passage before). ``taps`` are in order; the first decides.
    """

    kind: str
    ordinal: int
    reason: str
    taps: tuple[DayTap, ...]

    @property
    def lead(self) -> DayTap:
        return self.taps[0]


class Schedule(NamedTuple):
    """When a student is expected on one date."""

    begins_at: datetime
    tolerance: timedelta


@dataclass(frozen=True, slots=True)
class DayConclusion:
    """What an attendance day says; ``minutes_late`` counts from the first bell."""

    status: str
    first_entry_at: datetime | None
    last_exit_at: datetime | None
    inside: bool
    minutes_late: int
    passages: int
    confidence: str


def is_news(tapped_at: datetime, now: datetime) -> bool:
    """Whether a guardian should still be told about a tap made at ``tapped_at``."""
    return timedelta(0) <= now - tapped_at < STALE_AFTER


def local_date(tapped_at: datetime, zone: ZoneInfo) -> date:
    """The date on the school's calendar: a tap at 23:59 and one at 0:00 are of two days."""
    return tapped_at.astimezone(zone).date()


def first_bell(on_date: date, starts_at: time, zone: ZoneInfo) -> datetime:
    """When a wall clock in ``zone`` shows ``starts_at`` on ``on_date``, in UTC."""
    return datetime.combine(on_date, starts_at, zone).astimezone(UTC)


def passages(taps: Iterable[DayTap]) -> list[Passage]:
    """The day's passages, earliest first, whatever the order of ``taps``.

    A tap soon after another belongs to the same passage, unless its device serves the other
    direction only: in by one gate and out by the next within seconds is two passages.
    """
    groups: list[tuple[str, list[DayTap]]] = []
    for tap in sorted(taps, key=_order):
        if groups and _repeats(tap, *groups[-1]):
            groups[-1][1].append(tap)
        else:
            groups.append((_kind(tap, groups[-1][0] if groups else EXIT), [tap]))
    counts = {ENTRY: 0, EXIT: 0}
    found = []
    for kind, group in groups:
        counts[kind] += 1
        found.append(Passage(kind, counts[kind], _reason(group[0]), tuple(group)))
    return found


def conclude_day(taps: Iterable[DayTap], schedule: Schedule | None) -> DayConclusion:
    """What the taps of one student on one date (at least one) say, given when school begins.

    Any passage proves presence, an exit without an entry too. Lateness is concluded only from a
    first entry whose clock can be trusted, and only on a day with a ``schedule``.
    """
    return conclude_passages(passages(taps), schedule)


def conclude_passages(day: list[Passage], schedule: Schedule | None) -> DayConclusion:
    """``conclude_day`` for a caller that needs the passages too."""
    entries = [passage.lead for passage in day if passage.kind == ENTRY]
    exits = [passage.lead for passage in day if passage.kind == EXIT]
    minutes_late = _minutes_late(entries[0], schedule) if entries else None
    unsure = any(tap.clock == "unsynced" for passage in day for tap in passage.taps)
    return DayConclusion(
        status="present" if minutes_late is None else "late",
        first_entry_at=entries[0].tapped_at if entries else None,
        last_exit_at=exits[-1].tapped_at if exits else None,
        inside=day[-1].kind == ENTRY,
        minutes_late=minutes_late or 0,
        passages=len(day),
        confidence="unsure" if unsure else "sure",
    )


def _minutes_late(first: DayTap, schedule: Schedule | None) -> int | None:
    """Whole minutes since the first bell, or None for a student who is in time."""
    if schedule is None or first.clock == "unsynced":
        return None
    late_by = first.tapped_at - schedule.begins_at
    return late_by // timedelta(minutes=1) if late_by > schedule.tolerance else None


def _order(tap: DayTap) -> tuple[datetime, str, int, str, str, int]:
    """By time; ties by what the tap says, never by a row's id, which depends on who came first."""
    return tap.tapped_at, tap.direction, tap.gate_id, tap.clock, tap.card_kind, tap.seq


def _repeats(tap: DayTap, kind: str, group: list[DayTap]) -> bool:
    soon = tap.tapped_at - group[-1].tapped_at <= REPEAT_WITHIN
    return soon and _STATED.get(tap.direction, kind) == kind


def _kind(tap: DayTap, before: str) -> str:
    return _STATED.get(tap.direction) or (EXIT if before == ENTRY else ENTRY)


def _reason(tap: DayTap) -> str:
    if tap.direction not in _STATED:
        return "sequence"
    return "staff" if tap.card_kind == "staff" else "gate"
