"""What the board compares today with: earlier days of the same weekday. Pure.

A moment of a day is counted in seconds since local midnight, so that days of different dates, and
of different offsets to UTC, can be laid over one another.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from central.attendance.passage_rules import ENTRY, DayTap, passages

USUAL_DAYS = 6  # half a term of one weekday: enough for a median, recent enough to be the same term
LOOK_BACK_WEEKS = 10  # holidays in between must not leave nothing to compare with
BIN_SECONDS = 300
DAY_SECONDS = 86_400
MARGIN_SECONDS = 3600  # of the curve, before the first bell and after the last
LEAST_EXPECTED = 8  # taps; by chance a gate that should have these has none once in 3,000 times


@dataclass(frozen=True, slots=True)
class Counts:
    """How many students are what at one moment. ``missing`` are expected and have not come."""

    expected: int
    entered: int
    late: int
    inside: int
    left: int
    missing: int


@dataclass(frozen=True, slots=True)
class DayCourse:
    """When things happened on one day; every sequence is sorted.

    ``entered`` and ``late`` hold each student's first entry; ``came`` and ``went`` every change
    between outside and inside.
    """

    expected: int = 0
    entered: Sequence[int] = field(default_factory=tuple)
    late: Sequence[int] = field(default_factory=tuple)
    came: Sequence[int] = field(default_factory=tuple)
    went: Sequence[int] = field(default_factory=tuple)

    def at(self, second: int) -> Counts:
        """How things stood at ``second``, that second included."""
        entered = bisect_right(self.entered, second)
        inside = bisect_right(self.came, second) - bisect_right(self.went, second)
        return Counts(
            expected=self.expected,
            entered=entered,
            late=bisect_right(self.late, second),
            inside=inside,
            left=max(entered - inside, 0),
            missing=max(self.expected - entered, 0),
        )


@dataclass(frozen=True, slots=True)
class Usual:
    """One count over several earlier days: the lowest, the median and the highest."""

    low: int
    middle: int
    high: int

    def unlike(self, number: int, slack: int) -> int:
        """1 if ``number`` is above what it ever was by more than ``slack``, -1 if below, else 0."""
        return (number > self.high + slack) - (number < self.low - slack)


@dataclass(frozen=True, slots=True)
class ArrivalCurve:
    """How many had arrived by each of ``seconds``.

    ``today`` are points (second, count) that end at the present moment. ``usual`` is empty when
    there is no earlier day to compare with.
    """

    seconds: tuple[int, ...]
    today: tuple[tuple[int, int], ...]
    usual: tuple[Usual, ...]


def same_weekdays_before(day: date) -> list[date]:
    """The dates to compare ``day`` with, newest first, whether or not there was school."""
    return [day - timedelta(weeks=back) for back in range(1, LOOK_BACK_WEEKS + 1)]


def second_of_day(moment: datetime, zone: ZoneInfo) -> int:
    """Seconds on the wall clock since midnight in ``zone``."""
    local = moment.astimezone(zone)
    return local.hour * 3600 + local.minute * 60 + local.second


def changes(taps: Iterable[DayTap]) -> Iterator[tuple[datetime, bool]]:
    """When a student came in (True) or went out (False); entering twice is one change."""
    inside = False
    for passage in passages(taps):
        if (passage.kind == ENTRY) is not inside:
            inside = not inside
            yield passage.lead.tapped_at, inside


def usual_counts(days: Sequence[DayCourse], second: int) -> Mapping[str, Usual]:
    """What each count of ``Counts`` was on ``days`` at that time; empty without a day."""
    moments = [day.at(second) for day in days]
    if not moments:
        return {}
    return {
        name: Usual(
            *_spread([getattr(moment, name) for moment in moments]),
        )
        for name in Counts.__slots__
    }


def has_gone_quiet(own_before: int, others_before: int, others_since: int) -> bool:
    """Whether a gate without a single tap lately should have had some.

    It compares with the other gates: at its share of the taps until then it would have seen so
    many meanwhile that none at all is no chance.
    """
    if own_before == 0 or others_before == 0:
        return False
    return others_since * own_before / others_before >= LEAST_EXPECTED


def curve_window(bells: Sequence[int], arrivals: Sequence[int]) -> tuple[int, int] | None:
    """First and last second to draw: around the bells and every arrival; None if there is none.

    ``bells`` are the seconds at which courses start today.
    """
    edges = [
        *(bell - MARGIN_SECONDS for bell in bells),
        *(bell + MARGIN_SECONDS for bell in bells),
        *(arrival - BIN_SECONDS for arrival in arrivals[:1]),
        *(arrival + BIN_SECONDS for arrival in arrivals[-1:]),
    ]
    if not edges:
        return None
    first = max(min(edges), 0) // BIN_SECONDS * BIN_SECONDS
    last = -(-min(max(edges), DAY_SECONDS) // BIN_SECONDS) * BIN_SECONDS
    return first, last


def arrival_curve(
    today: DayCourse, earlier: Sequence[DayCourse], window: tuple[int, int], now: int
) -> ArrivalCurve:
    """The day's arrivals, summed up bin by bin, over what ``earlier`` days were like."""
    seconds = tuple(range(window[0], window[1] + 1, BIN_SECONDS))
    past = [[bisect_right(day.entered, second) for day in earlier] for second in seconds]
    return ArrivalCurve(
        seconds=seconds,
        today=tuple(_so_far(today, seconds, now)),
        usual=tuple(Usual(*_spread(counts)) for counts in past) if earlier else (),
    )


def _so_far(today: DayCourse, seconds: Sequence[int], now: int) -> Iterator[tuple[int, int]]:
    moments = [second for second in seconds if second <= now]
    if moments and now < seconds[-1]:
        moments.append(now)
    for second in moments:
        yield second, bisect_right(today.entered, second)


def _spread(counts: Sequence[int]) -> tuple[int, int, int]:
    return min(counts), round(median(counts)), max(counts)
