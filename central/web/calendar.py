"""The school's year at a glance, its exceptions, and what one of its days is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from flask import Blueprint, Flask, render_template, request
from flask.typing import ResponseReturnValue

from central.attendance.calendar_queries import calendar_on
from central.calendar.listing_queries import (
    ExceptionListed,
    YearListed,
    exceptions_within,
    years_listed,
)
from central.calendar.planning_rules import FIRST_YEAR, LAST_YEAR
from central.calendar.queries import hours_on
from central.calendar.rules import Hours, NoClass, Span
from central.calendar.year_rules import year_marks
from central.db import db
from central.errors import NotFound
from central.people.queries import CourseNamed, courses_named
from central.web import calendar_wording
from central.web import desk_forms as forms
from central.web.access import requires
from central.web.calendar_months import MonthShown, dates_shown, months_of
from central.web.calendar_wording import STATES

_DAY: Final = timedelta(days=1)

bp = Blueprint("calendar", __name__, url_prefix="/app/calendar")


def register(app: Flask) -> None:
    app.jinja_env.globals["calendar_words"] = calendar_wording
    app.jinja_env.filters["course_name"] = _name
    app.register_blueprint(bp)


@bp.get("")
@requires("see_attendance")
def index() -> ResponseReturnValue:
    """The year as twelve small months, and the list of what is other than the week says."""
    place, session = forms.here(), db.session()
    years = years_listed(session, place.id)
    year = _year_asked_for(years, place.today)
    told = next((one for one in years if one.year == year), None)
    span = dates_shown(year, told)
    exceptions = exceptions_within(session, place.id, span)
    state = _state_asked_for(exceptions, place.today)
    return render_template(
        "calendar/index.html",
        place=place,
        year=year,
        told=told,
        months=_months(place.id, span, place.today, exceptions),
        exceptions=[one for one in exceptions if one.state(place.today) == state],
        counts={name: _count(exceptions, name, place.today) for name in STATES},
        state=state,
        total_courses=len(courses_named(session, place.id, year)),
    )


@bp.get("/days/<on_date>")
@requires("see_attendance")
def day(on_date: str) -> ResponseReturnValue:
    """What each course has on a date, and why."""
    shown = forms.optional_day(on_date)
    if shown is None or not FIRST_YEAR <= shown.year <= LAST_YEAR:
        raise NotFound("no such day")
    place, session = forms.here(), db.session()
    courses = courses_named(session, place.id, shown.year)
    exceptions = exceptions_within(session, place.id, Span(shown, shown))
    return render_template(
        "calendar/day.html",
        place=place,
        day=shown,
        before=shown - _DAY,
        after=shown + _DAY,
        groups=_alike(hours_on(session, place.id, shown), courses),
        exceptions=[one for one in exceptions if one.cancelled_at is None],
        total_courses=len(courses),
    )


def _name(course_id: int, names: Mapping[int, str]) -> str:
    return names.get(course_id, "")


def _year_asked_for(years: Sequence[YearListed], today: date) -> int:
    """The year named, else the one that is running or comes next, else that of today."""
    named = request.args.get("year", type=int)
    if named is not None and FIRST_YEAR <= named <= LAST_YEAR:
        return named
    current = [one.year for one in years if one.ends_on >= today]
    return current[-1] if current else today.year


def _state_asked_for(exceptions: Sequence[ExceptionListed], today: date) -> str:
    """The state named, else the first of which there is any."""
    named = request.args.get("show", "")
    if named in STATES:
        return named
    return next((name for name in STATES if _count(exceptions, name, today)), "coming")


def _count(exceptions: Sequence[ExceptionListed], state: str, today: date) -> int:
    return sum(one.state(today) == state for one in exceptions)


def _months(
    school_id: int, span: Span, today: date, exceptions: Sequence[ExceptionListed]
) -> list[MonthShown]:
    dates = [span.starts_on + n * _DAY for n in range((span.ends_on - span.starts_on).days + 1)]
    calendar, courses = calendar_on(db.session(), school_id, dates)
    in_force = [one for one in exceptions if one.cancelled_at is None]
    return months_of(dates, year_marks(calendar, courses, dates), in_force, today)


def _alike(
    hours: dict[int, Hours | NoClass], courses: Sequence[CourseNamed]
) -> list[tuple[Hours | NoClass, list[str]]]:
    """The courses by what they have, in the order of the courses."""
    found: dict[Hours | NoClass, list[str]] = {}
    for course in courses:
        found.setdefault(hours[course.id], []).append(course.name)
    return list(found.items())
