"""Reading the calendar's forms. What cannot be read is a Conflict with a code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any, Final

from flask import request

from central.calendar.planning_rules import NewException, NewWeek, NewYear
from central.calendar.rules import Hours, Span
from central.errors import Conflict
from central.web import desk_forms as forms
from central.web.calendar_wording import KINDS

MOST_COURSES: Final = 400  # of a form; no school has more
MOST_TERMS: Final = 4
WEEKDAYS: Final = range(1, 8)


def typed() -> dict[str, Any]:
    """What a form says, to show it again: ``courses`` as a set of ids, the rest as it is."""
    values: dict[str, Any] = request.form.to_dict()
    values.pop("csrf_token", None)
    values["courses"] = set(courses())
    return values


def new_exception() -> NewException:
    """The exception that a form asks for."""
    chosen: tuple[int, ...] = ()
    if request.form.get("scope") == "courses":
        chosen = tuple(sorted(set(courses())))
        if not chosen:
            raise Conflict("courses_needed")
    kind = forms.choice("kind", KINDS)
    first = forms.day("from")
    return NewException(
        kind,
        Span(first, _optional_day("to") or first),
        forms.text("reason"),
        chosen,
        *_times_of(kind),
    )


def new_week() -> NewWeek:
    """The weekly hours that a form asks for; a weekday without times has no class."""
    return NewWeek(tuple(sorted(set(courses()))), forms.day("valid_from"), week_typed())


def week_typed() -> dict[int, Hours | None]:
    return {weekday: _hours(weekday) for weekday in WEEKDAYS}


def new_year() -> NewYear:
    """The school year that a form asks for; a term without anything filled in is none."""
    terms = tuple(
        (forms.text(f"name{number}"), Span(*_both(f"first{number}", f"last{number}")))
        for number in range(1, MOST_TERMS + 1)
        if any(request.form.get(f"{part}{number}") for part in ("name", "first", "last"))
    )
    return NewYear(_whole("year"), Span(forms.day("from"), forms.day("to")), terms)


def courses() -> list[int]:
    """The ids of the courses that were ticked."""
    ticked = request.form.getlist("courses", type=int)
    return [course_id for course_id in ticked[:MOST_COURSES] if 0 < course_id < 2**53]


def times_typed(values: Mapping[str, Any], weekday: int) -> tuple[str, str, str]:
    """In, out and tolerance of a weekday as they stand in a form."""
    names = (f"in{weekday}", f"out{weekday}", f"tolerance{weekday}")
    first, last, tolerance = (str(values.get(name, "")) for name in names)
    return first, last, tolerance


def _hours(weekday: int) -> Hours | None:
    starts_at, ends_at = _time(f"in{weekday}"), _time(f"out{weekday}")
    if starts_at is None and ends_at is None:
        return None
    if starts_at is None or ends_at is None:
        raise Conflict("hours_needed")
    return Hours(starts_at, ends_at, _whole(f"tolerance{weekday}"))


def _times_of(kind: str) -> tuple[time | None, time | None]:
    """The times that the kind takes. A field that the page has hidden may still hold another."""
    if kind == "early_leave":
        return None, _time("ends_at")
    if kind in ("hours", "recovery"):
        return _time("starts_at"), _time("ends_at")
    return None, None


def _time(name: str) -> time | None:
    given = request.form.get(name, "").strip()
    if not given:
        return None
    try:
        return time.fromisoformat(given).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise Conflict("hours_do_not_fit") from None


def _optional_day(name: str) -> date | None:
    given = request.form.get(name, "")
    return forms.day(name) if given else None


def _both(first: str, last: str) -> tuple[date, date]:
    days = [forms.optional_day(request.form.get(name, "")) for name in (first, last)]
    if days[0] is None or days[1] is None:
        raise Conflict("terms_do_not_fit")
    return days[0], days[1]


def _whole(name: str) -> int:
    number = request.form.get(name, type=int)
    if number is None or not 0 <= number < 10_000:
        raise Conflict("incomplete")
    return number
