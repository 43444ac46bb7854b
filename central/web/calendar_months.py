"""Twelve small months, as the page lays them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from central.calendar.listing_queries import ExceptionListed, YearListed
from central.calendar.rules import Span
from central.calendar.year_rules import Mark

_DAY: Final = timedelta(days=1)
_MONTHS: Final = 12


class DayShown(NamedTuple):
    """``why`` names the exceptions of the date; empty on a usual one."""

    on_date: date
    mark: Mark
    why: str
    today: bool


class MonthShown(NamedTuple):
    """``weeks`` have seven places from Monday on; None is a day of another month."""

    first: date
    weeks: list[list[DayShown | None]]
    now: bool


def dates_shown(year: int, told: YearListed | None) -> Span:
    """Twelve whole months: of the calendar year, or from the start of a year that crosses it."""
    first = date(year, 1, 1)
    if told is not None and told.starts_on.year != told.ends_on.year:
        first = told.starts_on.replace(day=1)
    return Span(first, _months_later(first, _MONTHS) - _DAY)


def months_of(
    dates: Sequence[date],
    marks: Mapping[date, Mark],
    exceptions: Sequence[ExceptionListed],
    today: date,
) -> list[MonthShown]:
    """Dates, which are whole months, as weeks of months with what each date shows."""
    months: list[MonthShown] = []
    for on_date in dates:
        if on_date.day == 1:
            now = (on_date.year, on_date.month) == (today.year, today.month)
            months.append(MonthShown(on_date, [[None] * on_date.weekday()], now))
        weeks = months[-1].weeks
        if len(weeks[-1]) == 7:
            weeks.append([])
        why = ", ".join(one.reason for one in exceptions if one.from_on <= on_date <= one.until_on)
        weeks[-1].append(DayShown(on_date, marks[on_date], why, on_date == today))
    for month in months:
        month.weeks[-1].extend([None] * (7 - len(month.weeks[-1])))
    return months


def _months_later(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)
