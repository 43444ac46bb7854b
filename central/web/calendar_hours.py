"""The weekly hours of courses: what holds, what is to come, and changing it from a date on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.attendance import calendar_service
from central.attendance.calendar_queries import calendar_on, preview_week
from central.calendar.rules import (
    DEFAULT_TOLERANCE_MINUTES,
    Hours,
    SchoolCalendar,
    WeeklyHours,
    weekly_hours,
)
from central.calendar.service import refuse_week
from central.db import db
from central.errors import Conflict, NotFound
from central.people.queries import CourseNamed, course_names, courses_named
from central.web import calendar_forms
from central.web import desk_forms as forms
from central.web.access import requires
from central.web.calendar_forms import WEEKDAYS
from central.web.calendar_wording import clock, problem_words
from central.web.desk_forms import Here

Week = Mapping[int, Hours | None]

FRIDAY: Final = 5
_AHEAD: Final = timedelta(days=370)  # how far hours that are to begin are shown

bp = Blueprint("calendar_hours", __name__, url_prefix="/app/calendar/hours")


@dataclass(frozen=True, slots=True)
class Group:
    """Courses with the same hours now, and the same to come: by date, by ISO weekday."""

    courses: list[CourseNamed]
    now: Week
    coming: Sequence[tuple[date, Week]]


@bp.get("")
@requires("see_attendance")
def index() -> ResponseReturnValue:
    """Which courses have class when, those that are alike together."""
    place = forms.here()
    courses = courses_named(db.session(), place.id, place.today.year)
    calendar = _calendar(place)
    found: dict[object, Group] = {}
    for course in courses:
        now, coming = _week(calendar, course.id, place.today), _coming(calendar, course, place)
        alike = (tuple(now.items()), tuple((day, tuple(week.items())) for day, week in coming))
        found.setdefault(alike, Group([], now, coming)).courses.append(course)
    return render_template(
        "calendar/hours.html",
        place=place,
        groups=list(found.values()),
        total_courses=len(courses),
    )


@bp.get("/edit")
@requires("manage_calendar")
def edit() -> ResponseReturnValue:
    """The hours of the first of these courses, to be changed for all of them."""
    place = forms.here()
    ids = [id_ for id_ in request.args.getlist("courses", type=int) if id_ > 0]
    known = {course.id for course in courses_named(db.session(), place.id, place.today.year)}
    if not ids or not set(ids) <= known:
        raise NotFound("no such course")
    week = _week(_calendar(place), ids[0], place.today)
    begins = place.today
    if any(week.values()):  # what is told already holds until the end of this week
        begins += timedelta(days=8 - begins.isoweekday())
    return _form(place, {**_fields(week), "valid_from": begins.isoformat(), "courses": set(ids)})


@bp.post("/edit")
@requires("manage_calendar")
def change() -> ResponseReturnValue:
    """Back from the preview, or with the hours of one weekday copied to those after it."""
    values = calendar_forms.typed()
    copied = request.form.get("copy", 0, type=int)
    if copied in WEEKDAYS:
        for weekday in range(copied + 1, FRIDAY + 1):
            for name in ("in", "out", "tolerance"):
                values[f"{name}{weekday}"] = values.get(f"{name}{copied}", "")
    return _form(forms.here(), values)


@bp.post("/preview")
@requires("manage_calendar")
def preview() -> ResponseReturnValue:
    """What it would do, before it is done."""
    place = forms.here()
    try:
        asked = calendar_forms.new_week()
        refuse_week(db.session(), place.id, asked, today=place.today)
    except (Conflict, NotFound) as error:
        return _form(place, calendar_forms.typed(), error.detail), 409
    return render_template(
        "calendar/hours_preview.html",
        place=place,
        asked=asked,
        values=calendar_forms.typed(),
        names=course_names(db.session(), place.id),
        total_courses=len(courses_named(db.session(), place.id, place.today.year)),
        preview=preview_week(db.session(), place.id, asked),
    )


@bp.post("")
@requires("manage_calendar")
def save() -> ResponseReturnValue:
    place = forms.here()
    problem = forms.try_to(
        lambda: calendar_service.set_week(
            db.session(), place.id, calendar_forms.new_week(), place.user_id, today=place.today
        ),
        gettext("The hours are kept."),
    )
    if problem is not None:
        return _form(place, calendar_forms.typed(), problem), 409
    return redirect(url_for("calendar_hours.index"), 303)


def _calendar(place: Here) -> SchoolCalendar:
    """With every row of weekly hours that has begun or begins within a year."""
    week = [place.today + timedelta(days=number) for number in range(7)]
    return calendar_on(db.session(), place.id, [*week, place.today + _AHEAD])[0]


def _week(calendar: SchoolCalendar, course_id: int, on_date: date) -> Week:
    rows = calendar.weekly.get(course_id, ())
    return {weekday: weekly_hours(rows, weekday, on_date) for weekday in WEEKDAYS}


def _coming(calendar: SchoolCalendar, course: CourseNamed, place: Here) -> list[tuple[date, Week]]:
    rows: Sequence[WeeklyHours] = calendar.weekly.get(course.id, ())
    dates = sorted({row.from_on for row in rows if row.from_on > place.today})
    return [(day, _week(calendar, course.id, day)) for day in dates]


def _fields(week: Week) -> dict[str, str]:
    """The hours of a week as the fields of the form."""
    values = {}
    for weekday, hours in week.items():
        values[f"in{weekday}"] = _padded(hours.starts_at if hours else None)
        values[f"out{weekday}"] = _padded(hours.ends_at if hours else None)
        tolerance = hours.tolerance_minutes if hours else DEFAULT_TOLERANCE_MINUTES
        values[f"tolerance{weekday}"] = str(tolerance)
    return values


def _padded(at: Any) -> str:
    """As a field for a time wants it: 08:00."""
    return clock(at).rjust(5, "0") if at else ""


def _form(place: Here, values: dict[str, Any], problem: str | None = None) -> str:
    return render_template(
        "calendar/hours_edit.html",
        place=place,
        values=values,
        times_typed=calendar_forms.times_typed,
        weekdays=WEEKDAYS,
        courses=courses_named(db.session(), place.id, place.today.year),
        problem=problem_words(problem) if problem else None,
    )
