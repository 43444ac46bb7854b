"""The one mark that a year's calendar shows for each date."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from central.calendar.listing_queries import YearListed
from central.calendar.rules import Exceptional, Hours, SchoolCalendar, Span, WeeklyHours, Year
from central.calendar.year_rules import Mark, year_marks
from central.web.calendar_months import dates_shown, months_of

TUESDAY, SATURDAY, IN_JANUARY = date(2026, 5, 5), date(2026, 5, 9), date(2026, 1, 6)
ALWAYS = date(1900, 1, 1)
USUAL = Hours(time(8), time(15, 30), 5)
WEEK = tuple(WeeklyHours(weekday, ALWAYS, USUAL) for weekday in range(1, 6))
NO_TUESDAYS = (*WEEK, WeeklyHours(2, date(2026, 3, 1), None))
YEAR = Year(Span(date(2026, 3, 4), date(2026, 12, 18)))


def one(kind: str, course: int | None = None, *, id: int = 1, **times: Any) -> Exceptional:
    return Exceptional(id, Span(IN_JANUARY, SATURDAY), course, kind, **times)


@pytest.mark.parametrize(
    ("on", "exceptions", "mark"),
    [
        pytest.param(TUESDAY, [], Mark("class"), id="a usual day"),
        pytest.param(SATURDAY, [], Mark("off"), id="a weekday without hours"),
        pytest.param(IN_JANUARY, [], Mark("vacation"), id="before the year"),
        pytest.param(TUESDAY, [one("holiday")], Mark("holiday"), id="a holiday"),
        pytest.param(TUESDAY, [one("no_class", 1)], Mark("no_class", partly=True), id="one course"),
        pytest.param(
            TUESDAY,
            [one("no_class", 1), one("no_class", 2, id=2)],
            Mark("no_class"),
            id="each course by itself",
        ),
        pytest.param(
            TUESDAY,
            [one("holiday"), one("recovery", 1, id=2)],
            Mark("holiday", partly=True),
            id="one course comes all the same",
        ),
        pytest.param(
            TUESDAY, [one("early_leave", ends_at=time(12))], Mark("early_leave"), id="early leave"
        ),
        pytest.param(
            TUESDAY, [one("hours", ends_at=time(12))], Mark("early_leave"), id="only ends earlier"
        ),
        pytest.param(TUESDAY, [one("hours", ends_at=time(17))], Mark("hours"), id="ends later"),
        pytest.param(TUESDAY, [one("hours", starts_at=time(9))], Mark("hours"), id="begins later"),
        pytest.param(TUESDAY, [one("hours", starts_at=time(8))], Mark("class"), id="as usual"),
        pytest.param(
            SATURDAY,
            [one("recovery", starts_at=time(9), ends_at=time(12))],
            Mark("recovery"),
            id="a Saturday with class",
        ),
        pytest.param(
            TUESDAY,
            [one("early_leave", 1, ends_at=time(12)), one("suspension", 2, id=2)],
            Mark("suspension", partly=True),
            id="the gravest of several",
        ),
    ],
)
def test_a_date_shows_the_most_telling_of_what_the_courses_have(
    on: date, exceptions: list[Exceptional], mark: Mark
) -> None:
    calendar = SchoolCalendar((YEAR,), tuple(exceptions), {1: WEEK, 2: WEEK, 3: ()})

    assert year_marks(calendar, [1, 2], [on]) == {on: mark}
    assert year_marks(calendar, [1, 2, 3], [on])[on].kind == mark.kind


def test_a_course_that_never_comes_that_weekday_makes_no_exception_partial() -> None:
    calendar = SchoolCalendar((YEAR,), (one("no_class", 1),), {1: WEEK, 2: NO_TUESDAYS})

    assert year_marks(calendar, [1, 2], [TUESDAY]) == {TUESDAY: Mark("no_class")}
    assert year_marks(SchoolCalendar(), [], [TUESDAY]) == {TUESDAY: Mark("off")}


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "first", "last"),
    [
        (date(2026, 3, 4), date(2026, 12, 18), date(2026, 1, 1), date(2026, 12, 31)),
        (date(2025, 9, 1), date(2026, 6, 30), date(2025, 9, 1), date(2026, 8, 31)),
    ],
)
def test_twelve_whole_months_are_shown(
    starts_on: date, ends_on: date, first: date, last: date
) -> None:
    span = dates_shown(2026, YearListed(2026, starts_on, ends_on, ()))

    assert span == Span(first, last)
    dates = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    months = months_of(dates, dict.fromkeys(dates, Mark("class")), [], TUESDAY)
    assert len(months) == 12
    assert [month.first for month in months if month.now] == [TUESDAY.replace(day=1)]
    assert all(len(week) == 7 for month in months for week in month.weeks)
    shown = [day for month in months for week in month.weeks for day in week if day]
    assert [day.on_date for day in shown] == dates
    assert [day.on_date for day in shown if day.today] == [TUESDAY]
    mondays = [week[0] for month in months for week in month.weeks if week[0]]
    assert {day.on_date.isoweekday() for day in mondays} == {1}
