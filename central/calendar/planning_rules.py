"""What may be put into a calendar, and what a change of it would change. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from itertools import pairwise
from typing import Final

from central.calendar.rules import (
    CLOSING_KINDS,
    Exceptional,
    Hours,
    NoClass,
    SchoolCalendar,
    Span,
    WeeklyHours,
    Year,
    effective_schedule,
)

KINDS: Final = ("holiday", "suspension", "no_class", "hours", "early_leave", "recovery")
LONGEST_EXCEPTION: Final = timedelta(days=120)  # longer is a mistyped year, or a term
LONGEST_YEAR: Final = timedelta(days=400)
LONGEST_REASON: Final = 200
# Hours that begin in the past rewrite every day since: a few weeks at most while taps wait.
LONGEST_BACK: Final = timedelta(days=62)
LONGEST_AHEAD: Final = timedelta(days=730)
FIRST_YEAR, LAST_YEAR = 2000, 2100  # other years are mistyped


@dataclass(frozen=True, slots=True)
class NewException:
    """An exception as somebody asks for it. No ``course_ids`` is the whole school."""

    kind: str
    span: Span
    reason: str
    course_ids: tuple[int, ...] = ()
    starts_at: time | None = None
    ends_at: time | None = None


@dataclass(frozen=True, slots=True)
class NewYear:
    """A school year as somebody asks for it, with the names and dates of its terms."""

    year: int
    span: Span
    terms: tuple[tuple[str, Span], ...] = ()


@dataclass(frozen=True, slots=True)
class NewWeek:
    """Hours of some courses by ISO weekday from a date on; None: they do not come that weekday."""

    course_ids: tuple[int, ...]
    from_on: date
    hours: Mapping[int, Hours | None]


@dataclass(frozen=True, slots=True)
class Change:
    """The same before and after for several courses on several dates."""

    before: Hours | NoClass
    after: Hours | NoClass
    course_ids: tuple[int, ...]
    dates: tuple[date, ...]


def exception_problem(new: NewException) -> str | None:
    """Why an exception cannot be; None when it can."""
    times = (new.starts_at is not None, new.ends_at is not None)
    if new.kind not in KINDS:
        return "kind_unknown"
    if not new.reason.strip() or len(new.reason) > LONGEST_REASON:
        return "reason_needed"
    if not timedelta(0) <= new.span.ends_on - new.span.starts_on <= LONGEST_EXCEPTION:
        return "dates_do_not_fit"
    if not FIRST_YEAR <= new.span.starts_on.year <= LAST_YEAR:
        return "dates_do_not_fit"
    if not _times_fit(new.kind, *times):
        return "hours_needed"
    if new.starts_at and new.ends_at and new.starts_at >= new.ends_at:
        return "hours_do_not_fit"
    return None


def _times_fit(kind: str, starts: bool, ends: bool) -> bool:
    if kind in CLOSING_KINDS:
        return not (starts or ends)
    if kind == "early_leave":
        return ends and not starts
    return starts or ends if kind == "hours" else starts == ends


def year_problem(new: NewYear) -> str | None:
    """Why a school year cannot be; None when it can."""
    spans = sorted(span for _, span in new.terms)
    if not timedelta(0) < new.span.ends_on - new.span.starts_on <= LONGEST_YEAR:
        return "dates_do_not_fit"
    if new.year not in (new.span.starts_on.year, new.span.ends_on.year):
        return "dates_do_not_fit"
    if not FIRST_YEAR <= new.year <= LAST_YEAR:
        return "dates_do_not_fit"
    if any(not name.strip() or span.starts_on > span.ends_on for name, span in new.terms):
        return "terms_do_not_fit"
    if any(not (new.span.holds(one.starts_on) and new.span.holds(one.ends_on)) for one in spans):
        return "terms_do_not_fit"
    if any(first.ends_on >= second.starts_on for first, second in pairwise(spans)):
        return "terms_do_not_fit"
    return None


def week_problem(new: NewWeek, today: date) -> str | None:
    """Why weekly hours cannot be; None when they can."""
    if not new.course_ids or not new.hours:
        return "incomplete"
    if new.from_on < today - LONGEST_BACK:
        return "too_far_back"
    if new.from_on > today + LONGEST_AHEAD:
        return "too_far_ahead"
    for hours in new.hours.values():
        if hours is None:
            continue
        if hours.starts_at >= hours.ends_at:
            return "hours_do_not_fit"
        if not 0 <= hours.tolerance_minutes <= 120:
            return "tolerance_does_not_fit"
    return None


def with_exception(calendar: SchoolCalendar, new: NewException) -> SchoolCalendar:
    """The calendar as it would be with one more exception."""
    newest = max((one.id for one in calendar.exceptions), default=0)
    scopes: Sequence[int | None] = new.course_ids or (None,)
    added = tuple(
        Exceptional(newest + number, new.span, scope, new.kind, new.starts_at, new.ends_at)
        for number, scope in enumerate(scopes, start=1)
    )
    return replace(calendar, exceptions=(*calendar.exceptions, *added))


def without_exceptions(calendar: SchoolCalendar, exception_ids: Collection[int]) -> SchoolCalendar:
    """The calendar as it would be without some of its exceptions."""
    kept = tuple(one for one in calendar.exceptions if one.id not in exception_ids)
    return replace(calendar, exceptions=kept)


def with_week(calendar: SchoolCalendar, new: NewWeek) -> SchoolCalendar:
    """The calendar as it would be with other weekly hours."""
    told = tuple(WeeklyHours(weekday, new.from_on, hours) for weekday, hours in new.hours.items())
    weekly = dict(calendar.weekly)
    for course_id in new.course_ids:
        before = weekly.get(course_id, ())
        kept = (one for one in before if (one.weekday, one.from_on) not in _told_for(told))
        weekly[course_id] = (*kept, *told)
    return replace(calendar, weekly=weekly)


def _told_for(weeks: Iterable[WeeklyHours]) -> set[tuple[int, date]]:
    return {(one.weekday, one.from_on) for one in weeks}


def with_year(calendar: SchoolCalendar, new: NewYear) -> SchoolCalendar:
    """The calendar as it would be with one more school year."""
    year = Year(new.span, tuple(span for _, span in new.terms))
    return replace(calendar, years=(*calendar.years, year))


def changes(
    before: SchoolCalendar,
    after: SchoolCalendar,
    course_ids: Collection[int],
    dates: Iterable[date],
) -> list[Change]:
    """What is other after a change, the same for several courses and dates told once."""
    found: dict[tuple[Hours | NoClass, Hours | NoClass], dict[int, list[date]]] = {}
    for on_date in dates:
        for course_id in course_ids:
            old = effective_schedule(before, course_id, on_date)
            new = effective_schedule(after, course_id, on_date)
            if old != new and not (isinstance(old, NoClass) and isinstance(new, NoClass)):
                of_pair = found.setdefault((old, new), defaultdict(list))
                of_pair[course_id].append(on_date)
    return [change for pair, courses in found.items() for change in _told_once(*pair, courses)]


def _told_once(
    before: Hours | NoClass, after: Hours | NoClass, courses: Mapping[int, Sequence[date]]
) -> list[Change]:
    by_dates: dict[tuple[date, ...], list[int]] = defaultdict(list)
    for course_id, dates in courses.items():
        by_dates[tuple(dates)].append(course_id)
    return [Change(before, after, tuple(ids), dates) for dates, ids in by_dates.items()]


def dates_of(span: Span) -> list[date]:
    """Every date of a span."""
    days = (span.ends_on - span.starts_on).days
    return [span.starts_on + timedelta(days=number) for number in range(days + 1)]
