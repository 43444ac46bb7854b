"""Who was expected today and has not come, and what became of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.db import db
from central.errors import NotFound
from central.no_shows import follow_up_service, queries
from central.people.scope_queries import courses_seen
from central.tasks.service import Decision
from central.web.access import current_school, current_viewer, requires
from central.web.tasks_wording import ENDINGS, GROUPS, RESOLUTIONS

LONGEST_NOTE: Final = 500

bp = Blueprint("no_shows", __name__)


@bp.get("/app/no-shows")
@requires("see_attendance")
def index() -> ResponseReturnValue:
    """A date's missing students; ``?date=``, today without it, and ``?group=`` narrow it."""
    school, zone = current_school(), ZoneInfo(current_school().timezone)
    today = datetime.now(UTC).astimezone(zone).date()
    on_date = min(_date(request.args.get("date", "")) or today, today)
    listed = queries.no_shows_on(
        db.session(), school.id, on_date, courses_seen(db.session(), current_viewer())
    )
    group = request.args.get("group")
    group = group if group in GROUPS else None
    return render_template(
        "no_shows/index.html",
        zone=zone,
        today=today,
        on_date=on_date,
        group=group,
        groups=GROUPS,
        counts=Counter(one.group for one in listed),
        shown=[one for one in listed if group in (None, one.group)],
        total=len(listed),
        resolutions=RESOLUTIONS,
        endings=ENDINGS,
    )


@bp.post("/app/no-shows/<day>/<int:student_id>/resolution")
@requires("decide_tasks")
def resolve(day: str, student_id: int) -> ResponseReturnValue:
    """Note what became of a missing student."""
    session, on_date = db.session(), _known_date(day)
    note = request.form.get("note", "").replace("\x00", "").strip()[:LONGEST_NOTE] or None
    follow_up_service.resolve(
        session,
        current_school().id,
        (on_date, student_id),
        request.form.get("resolution", ""),
        Decision("done", current_viewer().user_id, note),
        now=datetime.now(UTC),
    )
    session.commit()
    flash(gettext("Noted."))
    return redirect(_back(on_date, student_id), 303)


@bp.post("/app/no-shows/<day>/<int:student_id>/owner")
@requires("decide_tasks")
def own(day: str, student_id: int) -> ResponseReturnValue:
    """The person looking takes it on to find the student."""
    session, on_date = db.session(), _known_date(day)
    follow_up_service.take(
        session, current_school().id, (on_date, student_id), current_viewer().user_id
    )
    session.commit()
    return redirect(_back(on_date, student_id), 303)


def _back(on_date: date, student_id: int) -> str:
    return url_for("no_shows.index", date=on_date.isoformat(), _anchor=f"s-{student_id}")


def _date(given: str) -> date | None:
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


def _known_date(given: str) -> date:
    found = _date(given)
    if found is None:
        raise NotFound(f"date {given}")
    return found
