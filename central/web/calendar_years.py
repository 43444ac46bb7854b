"""School years and their terms."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.attendance import calendar_service
from central.attendance.calendar_queries import preview_year
from central.calendar.listing_queries import YearListed, years_listed
from central.calendar.service import refuse_year
from central.db import db
from central.errors import Conflict
from central.people.queries import course_names, courses_named
from central.web import calendar_forms
from central.web import desk_forms as forms
from central.web.access import requires
from central.web.calendar_forms import MOST_TERMS
from central.web.calendar_wording import problem_words
from central.web.desk_forms import Here

bp = Blueprint("calendar_years", __name__, url_prefix="/app/calendar/years")


@bp.get("")
@requires("see_attendance")
def index() -> ResponseReturnValue:
    place = forms.here()
    years = years_listed(db.session(), place.id)
    return render_template("calendar/years.html", place=place, years=years)


@bp.get("/edit")
@requires("manage_calendar")
def edit() -> ResponseReturnValue:
    """The year named, or the one after the last that was told."""
    place = forms.here()
    years = years_listed(db.session(), place.id)
    named = request.args.get("year", type=int)
    found = next((one for one in years if one.year == named), None)
    next_year = years[0].year + 1 if years else place.today.year
    return _form(place, _fields(found) if found else {"year": next_year})


@bp.post("/edit")
@requires("manage_calendar")
def change() -> ResponseReturnValue:
    """Back from the preview, with everything as it was filled in."""
    return _form(forms.here(), calendar_forms.typed())


@bp.post("/preview")
@requires("manage_calendar")
def preview() -> ResponseReturnValue:
    """What it would do, before it is done."""
    place, session = forms.here(), db.session()
    try:
        asked = calendar_forms.new_year()
        refuse_year(session, place.id, asked)
    except Conflict as error:
        return _form(place, calendar_forms.typed(), error.detail), 409
    return render_template(
        "calendar/year_preview.html",
        place=place,
        asked=asked,
        values=calendar_forms.typed(),
        names=course_names(session, place.id),
        total_courses=len(courses_named(session, place.id, asked.year)),
        preview=preview_year(session, place.id, asked),
    )


@bp.post("")
@requires("manage_calendar")
def save() -> ResponseReturnValue:
    place = forms.here()
    problem = forms.try_to(
        lambda: calendar_service.set_year(
            db.session(), place.id, calendar_forms.new_year(), place.user_id
        ),
        gettext("The school year is kept."),
    )
    if problem is not None:
        return _form(place, calendar_forms.typed(), problem), 409
    return redirect(url_for("calendar_years.index"), 303)


def _fields(year: YearListed) -> dict[str, Any]:
    """A year as the fields of the form."""
    values: dict[str, Any] = {
        "year": year.year,
        "from": year.starts_on.isoformat(),
        "to": year.ends_on.isoformat(),
    }
    for number, term in enumerate(year.terms, start=1):
        values[f"name{number}"] = term.name
        values[f"first{number}"] = term.starts_on.isoformat()
        values[f"last{number}"] = term.ends_on.isoformat()
    return values


def _form(place: Here, values: dict[str, Any], problem: str | None = None) -> str:
    return render_template(
        "calendar/year_edit.html",
        place=place,
        values=values,
        terms=range(1, MOST_TERMS + 1),
        problem=problem_words(problem) if problem else None,
    )
