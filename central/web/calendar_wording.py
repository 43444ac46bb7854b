"""The calendar in words that a school uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Final

from flask_babel import LazyString, format_date, gettext
from flask_babel import lazy_gettext as _l

from central.calendar.planning_rules import Change
from central.calendar.rules import Hours, NoClass
from central.web.desk_wording import PROBLEMS as DESK_PROBLEMS

Words = Mapping[str, LazyString]

# what an exception makes of its dates
KINDS: Final[Words] = {
    "holiday": _l("Holiday"),
    "suspension": _l("Classes suspended"),
    "no_class": _l("No class"),
    "hours": _l("Other hours"),
    "early_leave": _l("Early leave"),
    "recovery": _l("Recovery day"),
}
# and each of them in a sentence, for whoever chooses one
EXPLAINED: Final[Words] = {
    "holiday": _l("A public holiday: nobody is expected."),
    "suspension": _l("The school cannot hold classes: weather, water, a strike."),
    "no_class": _l("An excursion or a planned day without class. It is no absence."),
    "hours": _l("Class begins or ends at another time."),
    "early_leave": _l("Class ends earlier. Leaving then is not leaving early."),
    "recovery": _l("Class on a day without, such as a Saturday."),
}
MARKS: Final[Words] = {
    **KINDS,
    "class": _l("Class"),
    "vacation": _l("Vacation"),
    "off": _l("No class on this weekday"),
}
# why a course has no class on a date
REASONS: Final[Words] = {
    **KINDS,
    "weekday": _l("No class on this weekday"),
    "vacation": _l("Vacation"),
}
STATES: Final[Words] = {
    "coming": _l("Coming"),
    "past": _l("Past"),
    "cancelled": _l("Taken back"),
}

PROBLEMS: Final[Words] = {
    "kind_unknown": _l("Choose what kind of exception it is."),
    "reason_needed": _l("Say why, in 200 letters at most. Families may ask."),
    "dates_do_not_fit": _l(
        "Check the dates: the last cannot be before the first, nor very far from it."
    ),
    "hours_needed": _l("Say the time at which class ends, or begins and ends."),
    "hours_do_not_fit": _l("Check the times: class must begin before it ends."),
    "courses_needed": _l("Choose at least one course."),
    "exception_there_already": _l("The calendar has this exception already."),
    "hours_of_recovery_needed": _l(
        "No course has hours on that weekday. Say from when to when there is class."
    ),
    "years_overlap": _l("These dates overlap with another school year."),
    "terms_do_not_fit": _l(
        "Check the terms: each needs a name, lies within the year, and they do not overlap."
    ),
    "too_far_back": _l("New hours cannot begin more than two months ago."),
    "too_far_ahead": _l("New hours cannot begin more than two years from now."),
    "tolerance_does_not_fit": _l("The tolerance is from 0 to 120 minutes."),
    "cancelled_already": _l("Somebody has taken it back meanwhile."),
    "not_cancelled": _l("It is in force already."),
    "not_to_be_told": _l("Families are told only of what is still to come."),
}


def problem_words(code: str) -> LazyString:
    """What to tell a person about a failure of this code."""
    return PROBLEMS.get(code) or DESK_PROBLEMS.get(code, DESK_PROBLEMS["incomplete"])


def clock(at: time | None) -> str:
    return "" if at is None else f"{at.hour}:{at.minute:02}"


def hours_words(day: Hours | NoClass) -> str:
    """What a course has on a date: "8:00–15:30", or why it has nothing."""
    if isinstance(day, NoClass):
        return str(REASONS.get(day.reason, REASONS["weekday"]))
    return f"{clock(day.starts_at)}–{clock(day.ends_at)}"


def exception_hours(starts_at: time | None, ends_at: time | None) -> str:
    """The times of an exception in words; empty for one without."""
    if starts_at and ends_at:
        span = gettext("from %(first)s to %(last)s", first=clock(starts_at), last=clock(ends_at))
        return str(span)
    if starts_at:
        return str(gettext("begins at %(time)s", time=clock(starts_at)))
    return str(gettext("ends at %(time)s", time=clock(ends_at))) if ends_at else ""


def weekday_name(weekday: int, form: str = "EEEE") -> str:
    """The name of an ISO weekday in the viewer's language; ``EEE`` is the short one."""
    name: str = format_date(date(2024, 1, weekday), form)  # 2024 began on a Monday
    return name


def week_lines(week: Mapping[int, Hours | None]) -> list[tuple[str, str, int]]:
    """A week in few lines: ("Monday to Thursday", "8:00–15:30", tolerance in minutes)."""
    runs: list[tuple[list[int], Hours]] = []
    for weekday, hours in sorted(week.items()):
        if hours is None:
            continue
        if runs and runs[-1][1] == hours and runs[-1][0][-1] == weekday - 1:
            runs[-1][0].append(weekday)
        else:
            runs.append(([weekday], hours))
    return [(_weekdays(days), hours_words(hours), hours.tolerance_minutes) for days, hours in runs]


def _weekdays(days: list[int]) -> str:
    first, last = weekday_name(days[0]), weekday_name(days[-1])
    if len(days) == 1:
        return first
    return str(gettext("%(first)s to %(last)s", first=first, last=last))


def courses_words(names: list[str], total: int) -> str:
    """Some of ``total`` courses: named while they are few."""
    if len(names) == total:
        return str(gettext("All courses"))
    if len(names) <= 3:
        return ", ".join(names)
    rest = len(names) - 2
    return str(gettext("%(names)s and %(rest)s more", names=", ".join(names[:2]), rest=rest))


def class_days(found: Sequence[Change]) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """The dates on which some course loses its class by these changes, and gains it."""
    lost = {day for one in found if isinstance(one.after, NoClass) for day in one.dates}
    won = {day for one in found if isinstance(one.before, NoClass) for day in one.dates}
    return tuple(sorted(lost)), tuple(sorted(won))


def dates_words(dates: tuple[date, ...]) -> str:
    """One date, a run of dates, or how many there are from the first to the last."""
    first, last = dates[0], dates[-1]
    if len(dates) == 1:
        return str(format_date(first, "EEE d MMM"))
    both = f"{format_date(first, 'd MMM')} – {format_date(last, 'd MMM')}"
    return str(gettext("%(dates)s (%(days)s days)", dates=both, days=len(dates)))
