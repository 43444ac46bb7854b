"""Closed days."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from central.attendance import closing_queries
from central.db import db
from central.web.access import current_school, requires

bp = Blueprint("closing", __name__)


@bp.get("/app/closings")
@requires("see_attendance")
def index() -> ResponseReturnValue:
    """The days closed last."""
    school = current_school()
    return render_template(
        "closing/index.html",
        closings=closing_queries.closings(db.session(), school.id),
        zone=ZoneInfo(school.timezone),
    )
