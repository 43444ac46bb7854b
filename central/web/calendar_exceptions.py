"""Putting an exception into the calendar and taking it back: each shown before it is done."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.attendance import calendar_service
from central.attendance.calendar_queries import (
    Preview,
    preview_cancel,
    preview_exception,
)
from central.calendar.listing_queries import ExceptionListed, exception_listed
from central.calendar.planning_rules import NewException
from central.calendar.service import one_exception, refuse_exception
from central.db import db
from central.errors import Conflict, NotFound
from central.people.queries import course_names, courses_named
from central.web import calendar_forms
from central.web import desk_forms as forms
from central.web.access import requires
from central.web.calendar_wording import KINDS, problem_words
from central.web.desk_forms import Here

bp = Blueprint("calendar_exceptions", __name__, url_prefix="/app/calendar/exceptions")


@bp.get("/new")
@requires("manage_calendar")
def new() -> ResponseReturnValue:
    place = forms.here()
    day = forms.optional_day(request.args.get("date", "")) or place.today
    kind = request.args.get("kind", "")
    values = {"kind": kind if kind in KINDS else "suspension", "from": day.isoformat()}
    return _form(place, {**values, "to": values["from"], "courses": set()})


@bp.post("/new")
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
        asked = calendar_forms.new_exception()
        refuse_exception(session, place.id, asked)
    except (Conflict, NotFound) as error:
        return _form(place, calendar_forms.typed(), error.detail), 409
    return render_template(
        "calendar/preview.html",
        place=place,
        asked=asked,
        values=calendar_forms.typed(),
        tell=bool(request.form.get("tell")) and asked.span.ends_on >= place.today,
        **_shown(place, preview_exception(session, place.id, asked)),
    )


@bp.post("")
@requires("manage_calendar")
def create() -> ResponseReturnValue:
    place = forms.here()
    added: list[int] = []
    problem = forms.try_to(
        lambda: added.append(_create(place, calendar_forms.new_exception())),
        gettext("It is in the calendar."),
    )
    if problem is not None:
        return _form(place, calendar_forms.typed(), problem), 409
    return redirect(url_for("calendar_exceptions.one", exception_id=added[0]), 303)


@bp.get("/<int:exception_id>")
@requires("see_attendance")
def one(exception_id: int) -> ResponseReturnValue:
    place = forms.here()
    found = _found(place, exception_id)
    return render_template(
        "calendar/one.html",
        place=place,
        exception=found,
        state=found.state(place.today),
        **_shown(place, preview_cancel(db.session(), place.id, found.ids)),
    )


@bp.get("/<int:exception_id>/cancel")
@requires("manage_calendar")
def preview_cancelling(exception_id: int) -> ResponseReturnValue:
    """What taking it back would do, before it is done."""
    place = forms.here()
    found = _found(place, exception_id)
    if found.cancelled_at is not None:
        return redirect(url_for("calendar_exceptions.one", exception_id=exception_id), 303)
    return render_template(
        "calendar/cancel.html",
        place=place,
        exception=found,
        **_shown(place, preview_cancel(db.session(), place.id, found.ids)),
    )


@bp.post("/<int:exception_id>/cancel")
@requires("manage_calendar")
def cancel(exception_id: int) -> ResponseReturnValue:
    place = forms.here()
    found = _found(place, exception_id)
    _try_or_say(
        lambda: calendar_service.cancel_exceptions(
            db.session(), place.id, found.ids, place.user_id, now=place.now
        ),
        gettext("It is taken back. The days it touched are up to date."),
    )
    return redirect(url_for("calendar_exceptions.one", exception_id=exception_id), 303)


@bp.post("/<int:exception_id>/restore")
@requires("manage_calendar")
def restore(exception_id: int) -> ResponseReturnValue:
    """An exception like one that was taken back."""
    place = forms.here()
    found = _found(place, exception_id)
    added = []
    _try_or_say(
        lambda: added.append(
            calendar_service.restore_exceptions(
                db.session(), place.id, found.ids, place.user_id, now=place.now
            )
        ),
        gettext("It is in the calendar again."),
    )
    shown = added[0].exceptions[0].id if added else exception_id
    return redirect(url_for("calendar_exceptions.one", exception_id=shown), 303)


@bp.post("/<int:exception_id>/tell")
@requires("manage_calendar")
def tell(exception_id: int) -> ResponseReturnValue:
    """Send word of it to the families concerned, if that was not done with it."""
    place = forms.here()
    found = _found(place, exception_id)
    _try_or_say(lambda: _tell(place, found.ids), gettext("The families are being told."))
    return redirect(url_for("calendar_exceptions.one", exception_id=exception_id), 303)


def _create(place: Here, asked: NewException) -> int:
    session = db.session()
    added = calendar_service.add_exception(session, place.id, asked, place.user_id, now=place.now)
    ids = [row.id for row in added.exceptions]
    if request.form.get("tell") and asked.span.ends_on >= place.today:
        _tell(place, ids)
    return ids[0]


def _tell(place: Here, ids: Any) -> int:
    session = db.session()
    return calendar_service.tell_families(
        session,
        place.id,
        [one_exception(session, place.id, id_) for id_ in ids],
        place.user_id,
        now=place.now,
        today=place.today,
    )


def _try_or_say(change: Any, done: str) -> None:
    forms.try_or_say(change, done, problem_words)


def _found(place: Here, exception_id: int) -> ExceptionListed:
    found = exception_listed(db.session(), place.id, exception_id)
    if found is None:
        raise NotFound("no such exception")
    return found


def _shown(place: Here, found: Preview) -> dict[str, Any]:
    """A preview with the names of its courses."""
    session = db.session()
    names = course_names(session, place.id)
    years = {on_date.year for change in found.changes for on_date in change.dates}
    year = min(years, default=place.today.year)
    return {
        "preview": found,
        "names": names,
        "total_courses": len(courses_named(session, place.id, year)),
    }


def _form(place: Here, values: dict[str, Any], problem: str | None = None) -> str:
    return render_template(
        "calendar/new.html",
        place=place,
        values=values,
        courses=courses_named(db.session(), place.id, place.today.year),
        problem=problem_words(problem) if problem else None,
    )
