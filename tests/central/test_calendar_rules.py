"""When a course has school: the week, the terms, and the exceptions laid over them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from central.calendar.rules import (
    Exceptional,
    Hours,
    NoClass,
    SchoolCalendar,
    Span,
    WeeklyHours,
    Year,
    effective_schedule,
    moment,
)

SANTIAGO = ZoneInfo("America/Santiago")
COURSE, OTHER = 1, 2
MONDAY, TUESDAY, SATURDAY = date(2026, 5, 4), date(2026, 5, 5), date(2026, 5, 9)
IN_WINTER_BREAK, IN_SUMMER = date(2026, 7, 7), date(2026, 1, 6)  # both a Tuesday
USUAL = Hours(time(8), time(15, 30), 5)
WEEK = tuple(WeeklyHours(weekday, date(1900, 1, 1), USUAL) for weekday in range(1, 6))
YEAR = Year(
    Span(date(2026, 3, 4), date(2026, 12, 18)),
    (
        Span(date(2026, 3, 4), date(2026, 6, 19)),
        Span(date(2026, 7, 13), date(2026, 12, 18)),
    ),
)


def exception(kind: str, on: date = TUESDAY, *, id: int = 1, **changes: Any) -> Exceptional:
    return Exceptional(id, Span(on, on), None, kind)._replace(**changes)


def schedule(
    *exceptions: Exceptional, on: date = TUESDAY, weekly: tuple[WeeklyHours, ...] = WEEK
) -> Hours | NoClass:
    calendar = SchoolCalendar((YEAR,), exceptions, {COURSE: weekly, OTHER: WEEK})
    return effective_schedule(calendar, COURSE, on)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        pytest.param(MONDAY, USUAL, id="a weekday"),
        pytest.param(SATURDAY, NoClass("weekday"), id="a weekday without hours"),
        pytest.param(date(2026, 3, 4), USUAL, id="the first day of school"),
        pytest.param(date(2026, 3, 3), NoClass("vacation"), id="the day before"),
        pytest.param(date(2026, 12, 18), USUAL, id="the last day of school"),
        pytest.param(date(2026, 12, 21), NoClass("vacation"), id="the Monday after"),
        pytest.param(date(2026, 6, 19), USUAL, id="the last day of a term"),
        pytest.param(IN_WINTER_BREAK, NoClass("vacation"), id="between two terms"),
        pytest.param(date(2026, 7, 13), USUAL, id="the first day of the next term"),
        pytest.param(date(2027, 5, 4), NoClass("vacation"), id="a year that nobody has told yet"),
    ],
)
def test_the_week_and_the_terms_say(on: date, expected: Hours | NoClass) -> None:
    assert schedule(on=on) == expected


def test_a_year_without_terms_has_class_all_year() -> None:
    calendar = SchoolCalendar((YEAR._replace(terms=()),), (), {COURSE: WEEK})

    assert effective_schedule(calendar, COURSE, IN_WINTER_BREAK) == USUAL


def test_a_school_that_told_no_years_has_class_whenever_the_week_says() -> None:
    calendar = SchoolCalendar((), (), {COURSE: WEEK})

    assert effective_schedule(calendar, COURSE, IN_SUMMER) == USUAL


def test_a_course_without_hours_has_no_class() -> None:
    assert effective_schedule(SchoolCalendar((YEAR,)), COURSE, TUESDAY) == NoClass("weekday")


def test_hours_count_from_their_date_on_and_leave_the_past_as_it_was() -> None:
    later = Hours(time(9), time(16), 10)
    weekly = (
        *WEEK,
        WeeklyHours(2, date(2026, 5, 12), later),
        WeeklyHours(2, date(2026, 8, 4), None),
    )

    assert schedule(weekly=weekly, on=date(2026, 5, 5)) == USUAL
    assert schedule(weekly=weekly, on=date(2026, 5, 12)) == later
    assert schedule(weekly=weekly, on=date(2026, 7, 28)) == later
    assert schedule(weekly=weekly, on=date(2026, 8, 4)) == NoClass("weekday")
    assert schedule(weekly=weekly, on=date(2026, 8, 5)) == USUAL  # a Wednesday


@pytest.mark.parametrize(
    ("exceptions", "on", "expected"),
    [
        pytest.param([exception("holiday")], TUESDAY, NoClass("holiday"), id="holiday"),
        pytest.param([exception("suspension")], TUESDAY, NoClass("suspension"), id="suspension"),
        pytest.param(
            [exception("no_class", course_id=COURSE)], TUESDAY, NoClass("no_class"), id="a course"
        ),
        pytest.param([exception("no_class", course_id=OTHER)], TUESDAY, USUAL, id="another course"),
        pytest.param([exception("holiday", MONDAY)], TUESDAY, USUAL, id="another day"),
        pytest.param(
            [exception("holiday", span=Span(MONDAY, TUESDAY))],
            TUESDAY,
            NoClass("holiday"),
            id="the last day of several",
        ),
        pytest.param(
            [exception("hours", starts_at=time(9, 30))],
            TUESDAY,
            USUAL._replace(starts_at=time(9, 30)),
            id="a later beginning",
        ),
        pytest.param(
            [exception("hours", starts_at=time(9), ends_at=time(12))],
            TUESDAY,
            Hours(time(9), time(12), 5),
            id="other hours",
        ),
        pytest.param(
            [exception("early_leave", ends_at=time(12, 30))],
            TUESDAY,
            USUAL._replace(ends_at=time(12, 30)),
            id="an early leave",
        ),
        pytest.param(
            [exception("hours", SATURDAY, starts_at=time(9))],
            SATURDAY,
            NoClass("weekday"),
            id="other hours make no school day",
        ),
        pytest.param(
            [exception("recovery", SATURDAY, starts_at=time(9), ends_at=time(13))],
            SATURDAY,
            Hours(time(9), time(13), 5),
            id="a recovery on a Saturday",
        ),
        pytest.param(
            [exception("recovery", SATURDAY)],
            SATURDAY,
            NoClass("weekday"),
            id="a recovery of which nobody knows the hours",
        ),
        pytest.param(
            [exception("recovery", IN_WINTER_BREAK)],
            IN_WINTER_BREAK,
            USUAL,
            id="a recovery in a vacation, with the hours of the week",
        ),
        pytest.param(
            [exception("recovery", starts_at=time(9), ends_at=time(13))],
            TUESDAY,
            Hours(time(9), time(13), 5),
            id="a recovery of a day that has class anyway",
        ),
    ],
)
def test_an_exception_is_laid_over_the_week(
    exceptions: list[Exceptional], on: date, expected: Hours | NoClass
) -> None:
    assert schedule(*exceptions, on=on) == expected


@pytest.mark.parametrize(
    ("exceptions", "expected"),
    [
        pytest.param(
            [exception("holiday"), exception("recovery", course_id=COURSE, id=2)],
            USUAL,
            id="a course comes although the school is closed",
        ),
        pytest.param(
            [exception("recovery", course_id=COURSE, id=1), exception("holiday", id=2)],
            USUAL,
            id="what is said of the course counts more, also when it was said first",
        ),
        pytest.param(
            [exception("holiday", id=1), exception("recovery", id=2)],
            USUAL,
            id="of two of one kind of scope the later",
        ),
        pytest.param(
            [exception("recovery", id=1), exception("holiday", id=2)],
            NoClass("holiday"),
            id="and the other way round",
        ),
        pytest.param(
            [
                exception("early_leave", ends_at=time(13)),
                exception("hours", course_id=COURSE, id=2, starts_at=time(9)),
            ],
            Hours(time(9), time(13), 5),
            id="two that do not contradict each other",
        ),
        pytest.param(
            [
                exception("early_leave", ends_at=time(10)),
                exception("hours", course_id=COURSE, id=2, starts_at=time(11)),
            ],
            NoClass("no_class"),
            id="out before it begins",
        ),
    ],
)
def test_several_exceptions_for_one_date(
    exceptions: list[Exceptional], expected: Hours | NoClass
) -> None:
    assert schedule(*exceptions) == expected
    assert schedule(*reversed(exceptions)) == expected


@pytest.mark.parametrize(
    ("on_date", "utc"),
    [
        pytest.param(date(2026, 4, 3), "2026-04-03T11:00:00+00:00", id="Friday, still summer time"),
        pytest.param(date(2026, 4, 6), "2026-04-06T12:00:00+00:00", id="Monday, clocks went back"),
        pytest.param(date(2026, 9, 4), "2026-09-04T12:00:00+00:00", id="Friday, still winter time"),
        pytest.param(date(2026, 9, 7), "2026-09-07T11:00:00+00:00", id="Monday, clocks went on"),
    ],
)
def test_the_first_bell_follows_the_clocks_of_the_school(on_date: date, utc: str) -> None:
    assert moment(on_date, time(8), SANTIAGO) == datetime.fromisoformat(utc)


def test_a_bell_in_the_hour_that_the_change_of_clocks_leaves_out_still_rings() -> None:
    skipped = moment(date(2026, 9, 6), time(0, 30), SANTIAGO)  # 0:00 became 1:00

    assert skipped == datetime(2026, 9, 6, 4, 30, tzinfo=UTC)


def test_a_bell_in_the_hour_that_the_change_of_clocks_repeats_rings_the_first_time() -> None:
    repeated = moment(date(2026, 4, 4), time(23, 30), SANTIAGO)  # 24:00 became 23:00

    assert repeated == datetime(2026, 4, 5, 2, 30, tzinfo=UTC)
