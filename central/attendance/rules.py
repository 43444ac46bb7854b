"""What a day's facts mean. Nothing here knows a database, a clock or a zone of its own.

Every conclusion is drawn from the whole day: its taps, ordered by what they themselves say, when
the student is expected, what was excused and corrected, and whether the day is closed. So the order
in which facts became known cannot change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from central.attendance.passage_rules import ENTRY, EXIT, DayTap, Passage, passages
from central.calendar.rules import NoClass

STALE_AFTER = timedelta(hours=2)  # a late "has arrived" alarms more than it informs
EARLY_BY = timedelta(minutes=10)  # a class let out a little before the bell has not left early
# When nearly everybody comes. An outage at noon must not put all of a day's absences in doubt.
ARRIVE_BEFORE, ARRIVE_AFTER = timedelta(minutes=90), timedelta(minutes=60)

# Who was excused for the whole day and comes all the same may come and go as they like.
EXCUSE_LATENESS: Final = frozenset({"absence", "late"})
EXCUSE_LEAVING: Final = frozenset({"absence", "early_leave"})


class Schedule(NamedTuple):
    """From when to when a student is expected on one date."""

    begins_at: datetime
    ends_at: datetime
    tolerance: timedelta


class Correction(NamedTuple):
    """A signed correction that counts: another status for the day, or a tap that does not count.

    ``restore_tap`` takes an ``ignore_tap`` back.
    """

    id: int
    kind: str  # set_status, ignore_tap, restore_tap
    status: str | None = None
    minutes_late: int | None = None
    stream_id: int | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class DayFacts:
    """Everything that decides one student's date.

    ``excused`` holds the kinds of the approved requests for the date. ``data_ok`` is False when
    taps of the time at which students arrive may be missing.
    """

    expected: Schedule | NoClass
    taps: tuple[DayTap, ...] = ()
    excused: frozenset[str] = frozenset()
    corrections: tuple[Correction, ...] = ()
    closed: bool = False
    data_ok: bool = True


@dataclass(frozen=True, slots=True)
class DayConclusion:
    """What an attendance day says.

    ``minutes_late`` counts from the first bell, and only a lateness that is nobody's excuse;
    ``method`` says on what the status rests, ``confidence`` whether it may be doubted.
    """

    status: str
    method: str
    first_entry_at: datetime | None = None
    last_exit_at: datetime | None = None
    inside: bool = False
    minutes_late: int = 0
    passages: int = 0
    confidence: str = "sure"


def is_news(tapped_at: datetime, now: datetime) -> bool:
    """Whether a guardian should still be told about a tap made at ``tapped_at``."""
    return timedelta(0) <= now - tapped_at < STALE_AFTER


def local_date(tapped_at: datetime, zone: ZoneInfo) -> date:
    """The date on the school's calendar: a tap at 23:59 and one at 0:00 are of two days."""
    return tapped_at.astimezone(zone).date()


def counted_taps(facts: DayFacts) -> list[DayTap]:
    """The day's taps without those that a correction, or a doubt about the card, sets aside."""
    doubted = [(tap.stream_id, tap.seq) for tap in facts.taps if tap.doubt is not None]
    ignored = ignored_taps(facts.corrections, doubted)
    if not ignored:
        return list(facts.taps)
    return [tap for tap in facts.taps if (tap.stream_id, tap.seq) not in ignored]


def ignored_taps(
    corrections: Iterable[Correction], doubted: Iterable[tuple[int, int]] = ()
) -> set[tuple[int, int]]:
    """Stream and number of the taps that are set aside; of several words about one the last.

    ``doubted`` are those that nobody spoke of and that count only when somebody does.
    """
    last = dict.fromkeys(doubted, "ignore_tap") | {
        (one.stream_id, one.seq): one.kind
        for one in sorted(corrections, key=lambda one: one.id)
        if one.stream_id is not None and one.seq is not None
    }
    return {key for key, kind in last.items() if kind == "ignore_tap"}


def conclude_day(facts: DayFacts) -> DayConclusion | None:
    """What the facts say about one student's date; None while they say nothing.

    Any passage proves presence, an exit without an entry too. Lateness and leaving early are
    concluded only from clocks that can be trusted and on a day with class; a day without any
    passage says something when it is excused, corrected or closed.
    """
    return conclude_passages(passages(counted_taps(facts)), facts)


def conclude_passages(day: Sequence[Passage], facts: DayFacts) -> DayConclusion | None:
    """``conclude_day`` for a caller that needs the passages of the counted taps too."""
    seen = _seen(day, facts) if day else _unseen(facts)
    corrected = [one for one in facts.corrections if one.kind == "set_status"]
    if not corrected:
        return seen
    return _corrected(seen, max(corrected, key=lambda one: one.id))


def data_ok(schedule: Schedule, outages: Iterable[tuple[datetime, datetime | None]]) -> bool:
    """Whether none of the times of which taps are missing is one at which students arrive."""
    first, last = schedule.begins_at - ARRIVE_BEFORE, schedule.begins_at + ARRIVE_AFTER
    return not any(
        began_at < last and (ended_at is None or ended_at > first) for began_at, ended_at in outages
    )


def _seen(day: Sequence[Passage], facts: DayFacts) -> DayConclusion:
    entries = [passage.lead for passage in day if passage.kind == ENTRY]
    exits = [passage.lead for passage in day if passage.kind == EXIT]
    status, method, minutes_late = "no_class", "calendar", 0
    if isinstance(facts.expected, Schedule):
        status, method, minutes_late = _attended(day, facts.expected, facts.excused)
    return DayConclusion(
        status=status,
        method=method,
        first_entry_at=entries[0].tapped_at if entries else None,
        last_exit_at=exits[-1].tapped_at if exits else None,
        inside=day[-1].kind == ENTRY,
        minutes_late=minutes_late,
        passages=len(day),
        confidence="unsure" if _doubtful(day, facts.expected) else "sure",
    )


def _attended(
    day: Sequence[Passage], expected: Schedule, excused: frozenset[str]
) -> tuple[str, str, int]:
    """Status, method and minutes late of a day with class."""
    first = next((passage.lead for passage in day if passage.kind == ENTRY), None)
    minutes_late = _minutes_late(first, expected) if first else 0
    early = _left_early(day[-1], expected)
    method = _method(day[-1] if early else day[0])
    if minutes_late and not excused.isdisjoint(EXCUSE_LATENESS):
        minutes_late, method = 0, "absence"
    if early and not excused.isdisjoint(EXCUSE_LEAVING):
        early, method = False, "absence"
    status = "left_early" if early else "late" if minutes_late else "present"
    return status, method, minutes_late


def _doubtful(day: Sequence[Passage], expected: Schedule | NoClass) -> bool:
    """Whether a clock is not to be trusted, or the first sign came when class was over."""
    if any(tap.clock == "unsynced" for passage in day for tap in passage.taps):
        return True
    return isinstance(expected, Schedule) and day[0].lead.tapped_at >= expected.ends_at


def _unseen(facts: DayFacts) -> DayConclusion | None:
    if isinstance(facts.expected, NoClass):
        known = facts.closed and facts.expected.reason != "not_enrolled"
        return DayConclusion("no_class", "calendar") if known else None
    if "absence" in facts.excused:
        return DayConclusion("justified", "absence")
    if not facts.closed:
        return None
    if facts.data_ok:
        return DayConclusion("absent", "closing")
    return DayConclusion("no_data", "closing", confidence="unsure")


def _corrected(seen: DayConclusion | None, correction: Correction) -> DayConclusion:
    status = correction.status or ""
    minutes_late = correction.minutes_late
    if minutes_late is None:
        minutes_late = seen.minutes_late if seen and status in ("late", "left_early") else 0
    return replace(
        seen or DayConclusion(status, "correction"),
        status=status,
        method="correction",
        minutes_late=minutes_late,
        confidence="sure",
    )


def _minutes_late(first: DayTap, schedule: Schedule) -> int:
    """Minutes since the first bell, 0 for a student who is in time.

    Who comes when class is over has missed it or has not tapped before: that is not lateness.
    """
    late_by = first.tapped_at - schedule.begins_at
    if first.clock == "unsynced" or late_by <= schedule.tolerance:
        return 0
    if first.tapped_at >= schedule.ends_at:
        return 0
    return max(1, late_by // timedelta(minutes=1))


def _left_early(last: Passage, schedule: Schedule) -> bool:
    """Whether the day ends with an exit during class; out before the bell is no day of class."""
    left_at = last.lead.tapped_at
    trusted = last.kind == EXIT and last.lead.clock != "unsynced"
    return trusted and schedule.begins_at < left_at < schedule.ends_at - EARLY_BY


def _method(passage: Passage) -> str:
    return "staff" if passage.lead.card_kind == "staff" else "taps"
