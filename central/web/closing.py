"""Closed days, and how much of school is attended."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from central.attendance import closing_queries, rate_queries
from central.db import db
from central.people.api_queries import courses_taught
from central.people.queries import course_names
from central.web.access import current_viewer, requires

# A band says something only over some weeks; this is about a term's half.
SPAN: Final = timedelta(days=60)
BAND_WORDS: Final = {
    "normal": _l("97 % or more"),
    "at_risk": _l("90 to 97 %"),
    "chronic": _l("85 to 90 %"),
    "severe": _l("Less than 85 %"),
}

bp = Blueprint("closing", __name__)


@bp.get("/app/closings")
@requires("see_attendance")
def index() -> ResponseReturnValue:
    """The days closed last."""
    school = current_viewer().school
    assert school is not None
    return render_template(
        "closing/index.html",
        closings=closing_queries.closings(db.session(), school.id),
        zone=ZoneInfo(school.timezone),
    )


@bp.get("/app/rates")
@requires("see_attendance")
def rates() -> ResponseReturnValue:
    """Attendance of the last weeks by course; ``?course=`` lists its students."""
    school = current_viewer().school
    assert school is not None
    session, span = db.session(), _span(ZoneInfo(school.timezone))
    seen = _courses()
    course = request.args.get("course", type=int)
    if seen is not None and course is not None and course not in seen:
        course = None
    return render_template(
        "closing/rates.html",
        span=span,
        bands=rate_queries.bands(session, school.id, span, seen),
        words=BAND_WORDS,
        course=course_names(session, school.id).get(course or 0),
        students=rate_queries.student_rates(session, school.id, span, [course]) if course else [],
    )


def _span(zone: ZoneInfo) -> tuple[date, date]:
    """Up to yesterday: today is not over, and a child who comes at nine is not absent."""
    last = datetime.now(UTC).astimezone(zone).date() - timedelta(days=1)
    return last - SPAN, last


def _courses() -> Collection[int] | None:
    viewer = current_viewer()
    assert viewer.school is not None
    if viewer.may("see_every_course"):
        return None
    return courses_taught(db.session(), viewer.school.id, viewer.user_id)
