"""When a course has school on a date. Values in, value out: no database, no clock.

Hours are those of a clock on the school's wall; ``moment`` says when such a clock shows a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

# Leave the school, or a course, without class.
CLOSING_KINDS: Final = frozenset({"holiday", "suspension", "no_class"})

DEFAULT_TOLERANCE_MINUTES: Final = 5  # a queue at the gate is not the child's fault


class Span(NamedTuple):
    """Dates, both included."""

    starts_on: date
    ends_on: date

    def holds(self, on_date: date) -> bool:
        return self.starts_on <= on_date <= self.ends_on


class Year(NamedTuple):
    """A school year. Between its terms there is no class; without terms all of it is one."""

    span: Span
    terms: tuple[Span, ...] = ()


class Hours(NamedTuple):
    """From when to when a course has class. Who comes within the tolerance is in time."""

    starts_at: time
    ends_at: time
    tolerance_minutes: int = 0


class NoClass(NamedTuple):
    """Why there is no class: a kind of exception, ``weekday``, ``vacation`` or ``not_enrolled``."""

    reason: str


class WeeklyHours(NamedTuple):
    """A course's hours on an ISO weekday from a date on; None: it does not come any more."""

    weekday: int
    from_on: date
    hours: Hours | None


class Exceptional(NamedTuple):
    """Other than the week says. ``course_id`` None is the whole school; a later ``id`` wins."""

    id: int
    span: Span
    course_id: int | None
    kind: str
    starts_at: time | None = None
    ends_at: time | None = None


@dataclass(frozen=True, slots=True)
class SchoolCalendar:
    """What decides about the days of a school, as far as it was asked for.

    A school that has not told any ``years`` has class all year round.
    """

    years: tuple[Year, ...] = ()
    exceptions: tuple[Exceptional, ...] = ()
    weekly: Mapping[int, tuple[WeeklyHours, ...]] = field(default_factory=dict)  # by course


def effective_schedule(calendar: SchoolCalendar, course_id: int, on_date: date) -> Hours | NoClass:
    """The hours of a course on a date, or why it has none.

    The week says, unless the date lies outside the school's terms. Then the exceptions are laid
    over it: first those of the whole school and then those of the course, each in the order in
    which they were made. So a course may have class while the school is closed.
    """
    weekly = weekly_hours(calendar.weekly.get(course_id, ()), on_date.isoweekday(), on_date)
    if _in_term(calendar.years, on_date):
        day: Hours | NoClass = weekly or NoClass("weekday")
    else:
        day = NoClass("vacation")
    for one in _exceptions(calendar.exceptions, course_id, on_date):
        day = _laid_over(day, one, weekly)
    return day


def weekly_hours(weeks: Iterable[WeeklyHours], weekday: int, on_date: date) -> Hours | None:
    """The hours that count on a date for a weekday, which need not be the date's own."""
    begun = [one for one in weeks if one.weekday == weekday and one.from_on <= on_date]
    return max(begun, key=lambda one: one.from_on).hours if begun else None


def moment(on_date: date, at: time, zone: ZoneInfo) -> datetime:
    """When a wall clock in ``zone`` shows ``at`` on ``on_date``, in UTC.

    Of a time that a change of clocks repeats, the first; one that it leaves out is read on the
    clock that nobody put forward.
    """
    return datetime.combine(on_date, at, zone).astimezone(UTC)


def _in_term(years: tuple[Year, ...], on_date: date) -> bool:
    if not years:
        return True
    year = next((year for year in years if year.span.holds(on_date)), None)
    if year is None:
        return False
    return not year.terms or any(term.holds(on_date) for term in year.terms)


def _exceptions(
    exceptions: Iterable[Exceptional], course_id: int, on_date: date
) -> list[Exceptional]:
    found = [
        one for one in exceptions if one.course_id in (None, course_id) and one.span.holds(on_date)
    ]
    return sorted(found, key=lambda one: (one.course_id is not None, one.id))


def _laid_over(day: Hours | NoClass, one: Exceptional, weekly: Hours | None) -> Hours | NoClass:
    if one.kind in CLOSING_KINDS:
        return NoClass(one.kind)
    if one.kind == "recovery" and isinstance(day, NoClass):
        return _recovered(day, one, weekly)
    if isinstance(day, NoClass):
        return day
    return _between(day, one.starts_at, one.ends_at) or NoClass("no_class")


def _recovered(day: NoClass, one: Exceptional, weekly: Hours | None) -> Hours | NoClass:
    """With the hours given, else those of the weekday; there may be neither, on a Sunday."""
    if one.starts_at is not None and one.ends_at is not None:
        tolerance = weekly.tolerance_minutes if weekly else DEFAULT_TOLERANCE_MINUTES
        return Hours(one.starts_at, one.ends_at, tolerance)
    return weekly or day


def _between(day: Hours, starts_at: time | None, ends_at: time | None) -> Hours | None:
    """``day`` with other times; None if it would end before it begins."""
    changed = day._replace(starts_at=starts_at or day.starts_at, ends_at=ends_at or day.ends_at)
    return changed if changed.starts_at < changed.ends_at else None
