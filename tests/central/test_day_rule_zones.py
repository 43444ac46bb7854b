"""The rule of the day on the clocks of Chile, across every change of them from 2026 to 2030.

The oracle knows the decree and not the time zone database: in Chile clocks go back on the first
Sunday from 2 April on and forward on the first Sunday from 2 September on, both at 24:00 of the
Saturday in Santiago; Magallanes keeps the summer time all year.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from central.attendance.passage_rules import DayTap
from central.attendance.rules import DayFacts, Schedule, conclude_day, local_date
from central.calendar.rules import moment

SUMMER = {"America/Santiago": -3, "America/Punta_Arenas": -3, "Pacific/Easter": -5}
YEARS = range(2026, 2031)
BELL, LAST_BELL, TOLERANCE = time(8), time(15, 30), 5


def first_sunday(year: int, month: int) -> date:
    day = date(year, month, 2)
    return day + timedelta(days=(6 - day.weekday()) % 7)


CHANGES = [first_sunday(year, month) for year in YEARS for month in (4, 9)]


def offset(zone: str, on_date: date) -> timezone:
    """How far the clocks of ``zone`` are from UTC in the daytime of a date."""
    winter = first_sunday(on_date.year, 4) <= on_date < first_sunday(on_date.year, 9)
    moves = zone != "America/Punta_Arenas"
    return timezone(timedelta(hours=SUMMER[zone] - (winter and moves)))


near_a_change = st.builds(
    lambda change, days: change + timedelta(days=days),
    st.sampled_from(CHANGES),
    st.integers(-3, 3),
)
dates = near_a_change | st.dates(date(2026, 1, 1), date(2030, 12, 31))
zones = st.sampled_from(sorted(SUMMER))
daytime = st.integers(6 * 60, 20 * 60).map(lambda minute: time(minute // 60, minute % 60))


@given(zone=zones, on_date=dates, shown=daytime)
def test_a_bell_rings_when_the_clock_on_the_wall_says_so(
    zone: str, on_date: date, shown: time
) -> None:
    assert moment(on_date, shown, ZoneInfo(zone)) == datetime.combine(
        on_date, shown, offset(zone, on_date)
    )


@given(zone=zones, on_date=dates, late=st.integers(-90, 440))
@example(zone="America/Santiago", on_date=first_sunday(2026, 4), late=6)
def test_lateness_is_counted_on_the_clock_on_the_wall(zone: str, on_date: date, late: int) -> None:
    school_day = Schedule(
        moment(on_date, BELL, ZoneInfo(zone)),
        moment(on_date, LAST_BELL, ZoneInfo(zone)),
        timedelta(minutes=TOLERANCE),
    )
    shown = datetime.combine(on_date, BELL, offset(zone, on_date)) + timedelta(minutes=late)

    day = conclude_day(DayFacts(school_day, (DayTap(shown, "in", gate_id=1),)))

    assert day is not None
    assert day.minutes_late == (late if late > TOLERANCE else 0)
    assert day.status == ("late" if late > TOLERANCE else "present")


@given(zone=zones, on_date=dates, seconds=st.integers(0, 26 * 3600))
def test_each_moment_belongs_to_one_date_and_dates_follow_one_another(
    zone: str, on_date: date, seconds: int
) -> None:
    place = ZoneInfo(zone)
    midnight = moment(on_date, time(0), place)
    at = midnight + timedelta(seconds=seconds)

    later = local_date(at, place)

    assert local_date(midnight, place) == on_date
    assert local_date(midnight - timedelta(seconds=1), place) == on_date - timedelta(days=1)
    assert later in (on_date, on_date + timedelta(days=1))
    assert (later == on_date) == (at < moment(on_date + timedelta(days=1), time(0), place))


@pytest.mark.parametrize("zone", sorted(SUMMER))
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_days_around_a_change_of_clocks(zone: str, change: date) -> None:
    """A school day has its length, and the change is where the decree has it."""
    place = ZoneInfo(zone)
    for back in range(-2, 3):
        on_date = change + timedelta(days=back)
        begins, ends = (moment(on_date, shown, place) for shown in (BELL, LAST_BELL))
        assert ends - begins == timedelta(hours=7, minutes=30)
    days = moment(change, time(12), place) - moment(change - timedelta(days=1), time(12), place)
    moved = {4: 1, 9: -1}[change.month] if zone != "America/Punta_Arenas" else 0
    assert days == timedelta(hours=24 + moved)
