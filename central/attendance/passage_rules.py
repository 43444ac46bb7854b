"""Which taps are one passage through a gate, and whether it is an entry or an exit. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

REPEAT_WITHIN = timedelta(seconds=45)  # a nervous second tap; queueing up again takes longer
WALK_WITHIN = timedelta(minutes=10)  # from the desk that lets a student go to the gate

COLLECTED: Final = "collected"  # the reader of the taps that a withdrawal makes

ENTRY, EXIT = "entry", "exit"
_STATED = {"in": ENTRY, "out": EXIT}  # by the device's policy; an `auto` device states nothing


class DayTap(NamedTuple):
    """One tap of one student on one date. ``direction`` is the policy of the device.

    ``doubt`` is why a secure card may not have been there; then the tap counts only if somebody
    says so.
    """

    tapped_at: datetime
    direction: str
    gate_id: int
    clock: str = "synced"
    card_kind: str = "token"
    stream_id: int = 0
    seq: int = 0
    reader: str = ""
    doubt: str | None = None


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


def passages(taps: Iterable[DayTap]) -> list[Passage]:
    """The day's passages, earliest first, whatever the order of ``taps``.

    A tap soon after another belongs to the same passage, unless its device serves the other
    direction only: in by one gate and out by the next within seconds is two passages. So does the
    card of a student who is being collected, when it is read on the way out; after an exit that
    staff enter by hand it is another passage, for the student may be back.
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


def _order(tap: DayTap) -> tuple[datetime, str, int, str, str, int]:
    """By time; ties by what the tap says, never by a row's id, which depends on who came first."""
    return tap.tapped_at, tap.direction, tap.gate_id, tap.clock, tap.card_kind, tap.seq


def _repeats(tap: DayTap, kind: str, group: list[DayTap]) -> bool:
    soon = tap.tapped_at - group[-1].tapped_at <= REPEAT_WITHIN or any(
        _is_collected(one) and tap.tapped_at - one.tapped_at <= WALK_WITHIN for one in group
    )
    return soon and _STATED.get(tap.direction, kind) == kind


def _is_collected(tap: DayTap) -> bool:
    return tap.card_kind == "staff" and tap.reader == COLLECTED


def _kind(tap: DayTap, before: str) -> str:
    return _STATED.get(tap.direction) or (EXIT if before == ENTRY else ENTRY)


def _reason(tap: DayTap) -> str:
    if tap.direction not in _STATED:
        return "sequence"
    return "staff" if tap.card_kind == "staff" else "gate"
