"""Corrections and passages made by hand: what waits for a second person, and what was decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.attendance import corrections_queries as queries
from central.attendance.corrections_queries import CorrectionListed, ManualListed
from central.attendance.corrections_rules import APPROVED, REJECTED, STATUSES, Verdict
from central.attendance.corrections_service import (
    NamedTap,
    StatusChange,
    decide_correction,
    ignore_tap,
    restore_tap,
    set_status,
)
from central.attendance.manual_service import Passage, decide_manual, record_manual
from central.attendance.models import DayCorrection
from central.db import db
from central.errors import NotFound
from central.web import desk_forms as forms
from central.web.access import requires
from central.web.desk_wording import DAY_STATUSES, DIRECTIONS

RECENT = 50

bp = Blueprint("corrections", __name__, url_prefix="/app/corrections")


@bp.get("")
@requires("correct_days")
def index() -> ResponseReturnValue:
    place, session = forms.here(), db.session()
    waiting: list[CorrectionListed | ManualListed] = [
        *(queries.corrections_after(session, place.id, 0, 500, state="proposed")),
        *(queries.manual_after(session, place.id, 0, 500, state="proposed")),
    ]
    decided: list[CorrectionListed | ManualListed] = [
        *queries.corrections_decided(session, place.id, RECENT),
        *queries.manual_decided(session, place.id, RECENT),
    ]
    return render_template(
        "corrections/index.html",
        place=place,
        waiting=sorted(waiting, key=lambda one: one.created_at),
        decided=sorted(decided, key=lambda one: one.created_at, reverse=True)[:RECENT],
    )


@bp.get("/new")
@requires("correct_days")
def new() -> ResponseReturnValue:
    """Find the student who forgot the card; the rest is done on the page of the day."""
    place = forms.here()
    return render_template(
        "desk/find.html",
        title=gettext("Entry or exit by hand"),
        question=gettext("Who came, or left, without a card?"),
        next_endpoint="corrections.passage",
        **forms.found_students(place),
    )


@bp.get("/passage")
@requires("correct_days")
def passage() -> ResponseReturnValue:
    place = forms.here()
    student = forms.known_student(place, request.args.get("student", 0, type=int))
    return render_template("corrections/passage.html", place=place, student=student)


@bp.post("/students/<int:student_id>/passages")
@requires("correct_days")
def enter(student_id: int) -> ResponseReturnValue:
    """An entry or exit at its true time."""
    place = forms.here()
    on_date = forms.optional_day(request.form.get("date", "")) or place.today

    def change() -> None:
        said = Passage(
            forms.request_key(),
            student_id,
            forms.choice("direction", DIRECTIONS),
            forms.moment_on(on_date, "at", place.zone),
            forms.needed("reason"),
        )
        record_manual(db.session(), place.id, said, place.user_id, now=place.now)

    forms.try_or_say(change, _done(place.id, on_date))
    return _to_day(student_id, on_date)


@bp.post("/students/<int:student_id>/statuses")
@requires("correct_days")
def status(student_id: int) -> ResponseReturnValue:
    """Another status for the day."""
    place = forms.here()
    on_date = forms.optional_day(request.form.get("date", "")) or place.today

    def change() -> None:
        chosen = forms.choice("status", {code: DAY_STATUSES[code] for code in STATUSES})
        minutes = request.form.get("minutes_late", type=int) if chosen == "late" else None
        said = StatusChange(student_id, on_date, chosen, forms.needed("reason"), minutes)
        set_status(db.session(), place.id, said, place.user_id, now=place.now)

    forms.try_or_say(change, _done(place.id, on_date))
    return _to_day(student_id, on_date)


@bp.post("/students/<int:student_id>/ignored-taps")
@requires("correct_days")
def leave_out(student_id: int) -> ResponseReturnValue:
    """Leave a tap out of the day."""
    return _about_tap(student_id, ignore_tap)


@bp.post("/students/<int:student_id>/restored-taps")
@requires("correct_days")
def restore(student_id: int) -> ResponseReturnValue:
    """Let a tap count again."""
    return _about_tap(student_id, restore_tap)


@bp.post("/<any(correction, entry):what>/<int:number>/decision")
@requires("decide_tasks")
def decide(what: str, number: int) -> ResponseReturnValue:
    """The second person approves or rejects."""
    place = forms.here()
    state = request.form.get("state", "")
    if state not in (APPROVED, REJECTED):
        raise NotFound("no such decision")
    verdict = Verdict(state, place.user_id, forms.text("note") or None)
    decides: Any = decide_correction if what == "correction" else decide_manual
    forms.try_or_say(
        lambda: decides(db.session(), place.id, number, verdict, now=place.now),
        gettext("Done. The days it touches are up to date."),
    )
    return redirect(url_for("corrections.index"), 303)


def _about_tap(student_id: int, say: Callable[..., DayCorrection]) -> ResponseReturnValue:
    place = forms.here()
    on_date = forms.optional_day(request.form.get("date", "")) or place.today

    def change() -> None:
        tap = NamedTap(
            student_id,
            on_date,
            request.form.get("stream", 0, type=int),
            request.form.get("seq", 0, type=int),
            forms.needed("reason"),
        )
        say(db.session(), place.id, tap, place.user_id, now=place.now)

    forms.try_or_say(change, _done(place.id, on_date))
    return _to_day(student_id, on_date)


def _done(school_id: int, on_date: date) -> str:
    if queries.is_closed(db.session(), school_id, on_date):
        return str(gettext("That day is closed. It counts once a second person approves it."))
    return str(gettext("Done. The days it touches are up to date."))


def _to_day(student_id: int, on_date: date) -> ResponseReturnValue:
    address = url_for("student_day.day", student_id=student_id, on_date=on_date.isoformat())
    return redirect(address, 303)
