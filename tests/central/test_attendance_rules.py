"""The rules that turn a day's taps into passages and a conclusion, as tables of plain values."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from central.attendance.passage_rules import COLLECTED, DayTap, passages
from central.attendance.rules import (
    STALE_AFTER,
    DayConclusion,
    DayFacts,
    Schedule,
    conclude_day,
    is_news,
    local_date,
)

SANTIAGO = ZoneInfo("America/Santiago")
BELL = datetime(2026, 3, 4, 11, tzinfo=UTC)  # 8:00 in Santiago
SCHOOL_DAY = Schedule(BELL, BELL + timedelta(hours=7, minutes=30), timedelta(minutes=5))


def tap(shown: str, direction: str = "auto", **changes: Any) -> DayTap:
    """A tap when a clock in Santiago shows ``shown`` on the day of ``BELL``."""
    at = datetime.combine(date(2026, 3, 4), time.fromisoformat(shown), SANTIAGO).astimezone(UTC)
    return DayTap(at, direction, gate_id=1)._replace(**changes)


def concluded(taps: list[DayTap], schedule: Schedule = SCHOOL_DAY) -> DayConclusion:
    day = conclude_day(DayFacts(schedule, tuple(taps)))
    assert day is not None
    return day


def at(shown: str) -> datetime:
    return tap(shown).tapped_at


def collected(shown: str) -> DayTap:
    return tap(shown, "out", card_kind="staff", reader=COLLECTED)


@pytest.mark.parametrize(
    ("taps", "expected"),
    [
        pytest.param([tap("07:50")], ["entry sequence"], id="one tap is an entry"),
        pytest.param(
            [tap("07:50"), tap("15:30")], ["entry sequence", "exit sequence"], id="in and out"
        ),
        pytest.param(
            [tap("07:50"), tap("13:00"), tap("14:00")],
            ["entry sequence", "exit sequence", "entry sequence"],
            id="three taps: home for lunch",
        ),
        pytest.param([tap("15:30", "out")], ["exit gate"], id="an exit without an entry"),
        pytest.param(
            [tap("07:50", "in"), tap("15:30", "out")], ["entry gate", "exit gate"], id="two gates"
        ),
        pytest.param(
            [tap("07:50", "in"), tap("08:10", "in")],
            ["entry gate", "entry gate"],
            id="twice in by a gate that only lets in: the exit was not tapped",
        ),
        pytest.param(
            [tap("07:50", "in"), tap("15:30")],
            ["entry gate", "exit sequence"],
            id="the other gate serves both directions",
        ),
        pytest.param(
            [tap("15:30", "out"), tap("15:40")],
            ["exit gate", "entry sequence"],
            id="after an exit comes an entry",
        ),
        pytest.param(
            [tap("07:50", "in", card_kind="staff")], ["entry staff"], id="entered at the desk"
        ),
        pytest.param(
            [tap("07:50", card_kind="staff")],
            ["entry sequence"],
            id="a desk that does not say which way",
        ),
        pytest.param(
            [tap("07:50:00"), tap("07:50:45")], ["entry sequence"], id="45 s later is a repeat"
        ),
        pytest.param(
            [tap("07:50:00"), tap("07:50:46")],
            ["entry sequence", "exit sequence"],
            id="46 s later is another passage",
        ),
        pytest.param(
            [tap("07:50:00"), tap("07:50:40"), tap("07:51:20")],
            ["entry sequence"],
            id="a repeat of a repeat",
        ),
        pytest.param(
            [tap("07:50:00", "in"), tap("07:50:20", "out")],
            ["entry gate", "exit gate"],
            id="in and out by two gates within seconds",
        ),
        pytest.param(
            [tap("07:50"), collected("12:00"), tap("12:10")],
            ["entry sequence", "exit staff"],
            id="collected, and the card read on the way out",
        ),
        pytest.param(
            [tap("07:50"), collected("12:00"), tap("12:10:01")],
            ["entry sequence", "exit staff", "entry sequence"],
            id="collected, and back after a while",
        ),
        pytest.param(
            [collected("12:00"), tap("12:01", "in")],
            ["exit staff", "entry gate"],
            id="collected, and in again by a gate that only lets in",
        ),
        pytest.param(
            [tap("07:50"), tap("12:00", "out", card_kind="staff"), tap("12:05")],
            ["entry sequence", "exit staff", "entry sequence"],
            id="an exit by hand, and back by card",
        ),
        pytest.param(
            [tap("07:50", "in", card_kind="staff"), tap("07:55")],
            ["entry staff", "exit sequence"],
            id="entered at the desk, and out again",
        ),
        pytest.param(
            [tap("07:50:00", "in"), tap("07:50:20", gate_id=2)],
            ["entry gate"],
            id="a repeat at another gate",
        ),
        pytest.param(
            [tap("07:50:00"), tap("07:50:20", "out")],
            ["entry sequence", "exit gate"],
            id="a gate that states the other direction contradicts the sequence",
        ),
        pytest.param(
            [tap("23:58:00"), tap("23:59:59")],
            ["entry sequence", "exit sequence"],
            id="until the last second of the day",
        ),
    ],
)
def test_taps_are_grouped_into_passages(taps: list[DayTap], expected: list[str]) -> None:
    assert [f"{one.kind} {one.reason}" for one in passages(taps)] == expected


def test_the_order_of_arrival_does_not_matter() -> None:
    taps = [tap("07:50"), tap("07:50:30"), tap("13:00"), tap("14:00"), tap("15:30", "out")]

    assert passages(reversed(taps)) == passages(taps)


def test_taps_of_one_instant_are_ordered_by_what_they_say_and_not_by_their_stream() -> None:
    entry, leaving = tap("07:50", "in"), tap("07:50", "out")

    one_way = passages([entry._replace(stream_id=1), leaving._replace(stream_id=2)])
    other_way = passages([entry._replace(stream_id=2), leaving._replace(stream_id=1)])

    assert [one.kind for one in one_way] == [one.kind for one in other_way] == ["entry", "exit"]


def test_entries_and_exits_are_counted_apart() -> None:
    day = passages([tap("07:50"), tap("13:00"), tap("14:00"), tap("15:30")])

    assert [(one.kind, one.ordinal) for one in day] == [
        ("entry", 1),
        ("exit", 1),
        ("entry", 2),
        ("exit", 2),
    ]


@pytest.mark.parametrize(
    ("taps", "status", "minutes_late"),
    [
        pytest.param([tap("07:50")], "present", 0, id="before the bell"),
        pytest.param([tap("08:05:00")], "present", 0, id="the last moment of the tolerance"),
        pytest.param([tap("08:05:01")], "late", 5, id="a second later, counted from the bell"),
        pytest.param([tap("09:59:59")], "late", 119, id="only whole minutes count"),
        pytest.param([tap("15:29:59")], "late", 449, id="as long as there is class"),
        pytest.param([tap("15:30:00")], "present", 0, id="afterwards nothing says when it began"),
        pytest.param(
            [tap("09:00", clock="unsynced")],
            "present",
            0,
            id="a clock that nobody set proves nothing",
        ),
        pytest.param([tap("09:00", clock="repaired")], "late", 60, id="a repaired clock does"),
        pytest.param([tap("15:30", "out")], "present", 0, id="an exit alone proves presence"),
        pytest.param(
            [tap("09:00", "out"), tap("10:00", "in")], "late", 120, id="late by the first entry"
        ),
        pytest.param([tap("07:50"), tap("10:00"), tap("11:00")], "present", 0, id="back later"),
    ],
)
def test_lateness(taps: list[DayTap], status: str, minutes_late: int) -> None:
    day = concluded(taps)

    assert (day.status, day.minutes_late) == (status, minutes_late)


def test_without_tolerance_the_first_second_is_late() -> None:
    day = concluded([tap("08:00:01")], SCHOOL_DAY._replace(tolerance=timedelta(0)))

    assert (day.status, day.minutes_late) == ("late", 1)


@pytest.mark.parametrize(
    ("taps", "entry", "leaving", "inside", "count"),
    [
        pytest.param([tap("07:50")], at("07:50"), None, True, 1, id="came"),
        pytest.param(
            [tap("07:50"), tap("15:30")], at("07:50"), at("15:30"), False, 2, id="came and left"
        ),
        pytest.param(
            [tap("07:50"), tap("13:00"), tap("14:00")],
            at("07:50"),
            at("13:00"),
            True,
            3,
            id="back from lunch",
        ),
        pytest.param([tap("15:30", "out")], None, at("15:30"), False, 1, id="only left"),
        pytest.param(
            [tap("07:50:00"), tap("07:50:30")], at("07:50"), None, True, 1, id="tapped twice"
        ),
    ],
)
def test_who_is_inside_and_since_when(
    taps: list[DayTap], entry: datetime | None, leaving: datetime | None, inside: bool, count: int
) -> None:
    day = concluded(taps)

    assert (day.first_entry_at, day.last_exit_at, day.inside) == (entry, leaving, inside)
    assert day.passages == count


@pytest.mark.parametrize(
    ("clocks", "confidence"),
    [
        (["synced", "synced"], "sure"),
        (["synced", "repaired"], "sure"),
        (["synced", "unsynced"], "unsure"),
    ],
)
def test_one_tap_with_an_unset_clock_makes_the_day_unsure(
    clocks: list[str], confidence: str
) -> None:
    morning, afternoon = clocks

    day = concluded([tap("07:50", clock=morning), tap("15:30", clock=afternoon)])

    assert day.confidence == confidence


@pytest.mark.parametrize(
    ("utc", "on_date"),
    [
        pytest.param("2026-03-05T02:59:59+00:00", date(2026, 3, 4), id="23:59 in summer, UTC-3"),
        pytest.param("2026-03-05T03:00:00+00:00", date(2026, 3, 5), id="midnight in summer"),
        pytest.param("2026-07-02T03:59:59+00:00", date(2026, 7, 1), id="23:59 in winter, UTC-4"),
        pytest.param("2026-07-02T04:00:00+00:00", date(2026, 7, 2), id="midnight in winter"),
        pytest.param("1970-01-01T00:00:00+00:00", date(1969, 12, 31), id="a clock never set"),
    ],
)
def test_the_date_is_that_of_the_school_calendar(utc: str, on_date: date) -> None:
    assert local_date(datetime.fromisoformat(utc), SANTIAGO) == on_date


@pytest.mark.parametrize(
    ("age", "news"),
    [
        (timedelta(0), True),
        (STALE_AFTER - timedelta(seconds=1), True),
        (STALE_AFTER, False),
        (timedelta(seconds=-1), False),  # a clock that runs ahead
    ],
)
def test_only_what_just_happened_is_news(age: timedelta, news: bool) -> None:
    assert is_news(BELL, BELL + age) is news
