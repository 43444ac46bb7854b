"""What a year's calendar shows of each date: one mark, whatever the courses have. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date
from typing import Final, NamedTuple

from central.calendar.rules import Hours, NoClass, SchoolCalendar, effective_schedule

# The most telling first: where courses differ, the date shows the first of these that any has.
MARKS: Final = (
    "suspension",
    "holiday",
    "no_class",
    "recovery",
    "early_leave",
    "hours",
    "class",
    "vacation",
    "off",  # a weekday without hours
)
_USUAL: Final = frozenset({"class", "vacation", "off"})


class Mark(NamedTuple):
    """``kind`` is one of MARKS; ``partly``: not every course with class that day has it."""

    kind: str
    partly: bool = False


def year_marks(
    calendar: SchoolCalendar, course_ids: Iterable[int], dates: Iterable[date]
) -> dict[date, Mark]:
    """The mark of each date. Courses that are alike are looked at once."""
    courses = _unlike(calendar, course_ids)
    plain = replace(calendar, exceptions=())
    return {
        on_date: _together({_kind(calendar, plain, course_id, on_date) for course_id in courses})
        for on_date in dates
    }


def _unlike(calendar: SchoolCalendar, course_ids: Iterable[int]) -> list[int]:
    """One course for each week of hours and set of own exceptions."""
    own: dict[int | None, list[int]] = {}
    for one in calendar.exceptions:
        own.setdefault(one.course_id, []).append(one.id)
    found: dict[object, int] = {}
    for course_id in course_ids:
        week = frozenset(calendar.weekly.get(course_id, ()))
        found.setdefault((week, tuple(own.get(course_id, ()))), course_id)
    return list(found.values())


def _kind(calendar: SchoolCalendar, plain: SchoolCalendar, course_id: int, on_date: date) -> str:
    day = effective_schedule(calendar, course_id, on_date)
    if isinstance(day, NoClass):
        return "off" if day.reason == "weekday" else day.reason
    usual = effective_schedule(plain, course_id, on_date)
    if isinstance(usual, NoClass):
        return "recovery"
    return "class" if day == usual else _other_hours(day, usual)


def _other_hours(day: Hours, usual: Hours) -> str:
    only_the_end = day.starts_at == usual.starts_at and day.ends_at < usual.ends_at
    return "early_leave" if only_the_end else "hours"


def _together(kinds: Collection[str]) -> Mark:
    if not kinds:
        return Mark("off")
    kind = min(kinds, key=MARKS.index)
    # a course that does not come on Fridays is no exception to what the others have
    others = set(kinds) - {kind, "off", "vacation"}
    return Mark(kind, partly=bool(others) and kind not in _USUAL)
