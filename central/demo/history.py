"""Six weeks of mornings and afternoons that the demo school has already had.

Pure: the same students and dates give the same taps. They give the pages something to compare
today with.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.messages import Card, TapRead

WEEKS = 6
_ABSENT = {1: 0.07, 2: 0.05, 3: 0.045, 4: 0.05, 5: 0.08}  # share by ISO weekday
_LATE = 0.045
_LEAVES_AT = {weekday: time(13, 0) if weekday == 5 else time(15, 30) for weekday in range(1, 6)}


@dataclass(frozen=True, slots=True)
class CardHolder:
    """A student's card as the gate would report it."""

    digest: str


@dataclass(frozen=True, slots=True)
class PastDay:
    """What one gate's reader saw on one day, oldest first."""

    device: str
    taps: tuple[TapRead, ...]


def past_school_days(today: date) -> list[date]:
    """The weekdays of the six weeks before ``today``, oldest first."""
    days = (today - timedelta(days=back) for back in range(7 * WEEKS, 0, -1))
    return [day for day in days if day.isoweekday() <= 5]


def past_days(
    holders: Sequence[CardHolder], devices: Sequence[str], days: Sequence[date], zone: ZoneInfo
) -> Iterator[PastDay]:
    """Every day of every gate; sequence numbers run on from day to day."""
    draw = random.Random(7)  # noqa: S311  (made-up attendance)
    seqs = dict.fromkeys(devices, 0)
    for day in days:
        seen: dict[str, list[tuple[datetime, str]]] = {device: [] for device in devices}
        for number, holder in enumerate(holders):
            device = devices[number % len(devices)]
            seen[device] += [(at, holder.digest) for at in _passes(draw, day, zone)]
        for device, passes in seen.items():
            taps = tuple(
                _tap(seqs[device] + position, at, digest)
                for position, (at, digest) in enumerate(sorted(passes), start=1)
            )
            seqs[device] += len(taps)
            yield PastDay(device, taps)


def _passes(draw: random.Random, day: date, zone: ZoneInfo) -> list[datetime]:
    """When one student came and went: nothing on a day of absence."""
    weekday = day.isoweekday()
    if draw.random() < _ABSENT[weekday]:
        return []
    early = draw.gauss(-11, 6)
    minutes = draw.uniform(6, 25) if draw.random() < _LATE else min(early, 4)
    came = datetime.combine(day, time(8, 0), zone) + timedelta(minutes=minutes)
    left = datetime.combine(day, _LEAVES_AT[weekday], zone)
    left += timedelta(minutes=abs(draw.gauss(5, 4)))
    return [came, left] if draw.random() < 0.97 else [came]  # some leave without a tap


def _tap(seq: int, at: datetime, digest: str) -> TapRead:
    return TapRead(
        seq=seq,
        at=at,
        clock="synced",
        boot="history",
        up_ms=seq * 1000,
        reader="r1",
        card=Card("token", digest),
        verdict="accepted",
    )
