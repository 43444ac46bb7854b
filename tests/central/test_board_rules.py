"""What a board compares today with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from central.attendance.board_rules import (
    BIN_SECONDS,
    DayCourse,
    Usual,
    arrival_curve,
    changes,
    curve_window,
    has_gone_quiet,
    same_weekdays_before,
    second_of_day,
    usual_counts,
)
from central.attendance.passage_rules import DayTap

EIGHT = 8 * 3600
SANTIAGO = ZoneInfo("America/Santiago")


def a_day(*entered: int, expected: int = 10, late: tuple[int, ...] = ()) -> DayCourse:
    return DayCourse(expected=expected, entered=entered, late=late, came=entered)


def test_a_day_is_counted_as_it_stood_at_that_second() -> None:
    day = DayCourse(
        expected=5,
        entered=(EIGHT - 60, EIGHT, EIGHT + 600),
        late=(EIGHT + 600,),
        came=(EIGHT - 60, EIGHT, EIGHT + 600, EIGHT + 7200),
        went=(EIGHT + 3600,),
    )

    before, at_the_bell, at_lunch = day.at(0), day.at(EIGHT), day.at(EIGHT + 3600)

    assert (before.entered, before.inside, before.missing) == (0, 0, 5)
    assert (at_the_bell.entered, at_the_bell.inside, at_the_bell.late) == (2, 2, 0)
    assert (at_lunch.entered, at_lunch.inside, at_lunch.left, at_lunch.late) == (3, 2, 1, 1)
    assert at_lunch.missing == 2


def test_whoever_comes_back_is_inside_again_and_has_not_left() -> None:
    day = DayCourse(entered=(EIGHT,), came=(EIGHT, EIGHT + 200), went=(EIGHT + 100,))

    assert day.at(EIGHT + 100).left == 1
    assert day.at(EIGHT + 200).left == 0


def test_the_usual_is_the_median_with_its_extremes() -> None:
    days = [a_day(*range(count)) for count in (3, 9, 4)]

    usual = usual_counts(days, 100)

    assert usual["entered"] == Usual(low=3, middle=4, high=9)
    assert usual["missing"] == Usual(low=1, middle=6, high=7)


def test_without_an_earlier_day_there_is_no_usual() -> None:
    assert usual_counts([], EIGHT) == {}
    assert arrival_curve(a_day(EIGHT), [], (EIGHT, EIGHT + 600), EIGHT + 60).usual == ()


@pytest.mark.parametrize(("number", "expected"), [(10, 0), (23, 0), (24, 1), (7, 0), (6, -1)])
def test_a_count_is_unlike_the_usual_beyond_all_earlier_days_and_some_slack(
    number: int, expected: int
) -> None:
    assert Usual(low=10, middle=15, high=20).unlike(number, slack=3) == expected


def test_the_same_weekdays_go_back_in_weeks() -> None:
    dates = same_weekdays_before(date(2026, 3, 4))

    assert dates[:2] == [date(2026, 2, 25), date(2026, 2, 18)]
    assert {day.isoweekday() for day in dates} == {3}


def test_a_moment_is_counted_on_the_wall_clock_through_a_change_of_offset() -> None:
    summer = datetime(2026, 4, 1, 11, 5, tzinfo=UTC)  # UTC-3
    winter = datetime(2026, 4, 8, 12, 5, tzinfo=UTC)  # UTC-4 since 5 April

    assert second_of_day(summer, SANTIAGO) == second_of_day(winter, SANTIAGO) == EIGHT + 300


def test_the_curve_ends_at_the_present_moment() -> None:
    today = a_day(EIGHT - 400, EIGHT - 10, EIGHT + 130)

    curve = arrival_curve(today, [a_day(EIGHT)], (EIGHT - 600, EIGHT + 600), EIGHT + 140)

    assert curve.today == ((EIGHT - 600, 0), (EIGHT - 300, 1), (EIGHT, 2), (EIGHT + 140, 3))
    assert [usual.middle for usual in curve.usual] == [0, 0, 1, 1, 1]


def test_before_its_first_bin_the_curve_is_empty_and_after_its_last_it_is_whole() -> None:
    window = (EIGHT, EIGHT + 600)

    assert arrival_curve(a_day(), [], window, EIGHT - 1).today == ()
    assert [at for at, _ in arrival_curve(a_day(), [], window, EIGHT + 9000).today] == [
        EIGHT,
        EIGHT + 300,
        EIGHT + 600,
    ]


def test_the_curve_shows_the_bells_and_every_arrival() -> None:
    around_the_bell = curve_window([EIGHT], [])
    with_an_afternoon = curve_window([EIGHT], [EIGHT + 5, 15 * 3600 + 7])

    assert around_the_bell == (7 * 3600, 9 * 3600)
    assert with_an_afternoon is not None
    assert with_an_afternoon[1] >= 15 * 3600 + 7
    assert with_an_afternoon[1] % BIN_SECONDS == 0
    assert curve_window([], []) is None


def test_the_curve_never_leaves_the_day() -> None:
    assert curve_window([600, 86_000], []) == (0, 86_400)


def test_entering_twice_by_an_entrance_is_one_change() -> None:
    at = datetime(2026, 3, 4, 11, tzinfo=UTC)
    taps = [
        DayTap(at, "in", 1),
        DayTap(at + timedelta(minutes=5), "in", 1),
        DayTap(at + timedelta(hours=4), "out", 2),
    ]

    assert list(changes(taps)) == [(at, True), (at + timedelta(hours=4), False)]


@pytest.mark.parametrize(
    ("own_before", "others_before", "others_since", "quiet"),
    [
        (100, 100, 8, True),  # half of the taps were its own
        (100, 100, 7, False),
        (10, 100, 79, False),  # a side gate may well see nobody for a while
        (0, 100, 500, False),  # never used today: nothing to compare
        (100, 0, 0, False),  # the only gate
    ],
)
def test_a_gate_is_quiet_when_its_share_of_the_others_taps_is_missing(
    own_before: int, others_before: int, others_since: int, quiet: bool
) -> None:
    assert has_gone_quiet(own_before, others_before, others_since) is quiet
