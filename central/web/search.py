"""The search field of the top bar: students by name, with their state now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from central.attendance.student_queries import students_found
from central.db import db
from central.web.access import current_viewer, requires
from central.web.board_page import audience_of

IN_THE_FIELD: Final = 8  # what fits below the field without scrolling
ON_THE_PAGE: Final = 100

bp = Blueprint("people", __name__)


@bp.get("/app/search")
@requires("see_students")
def search() -> ResponseReturnValue:
    """A list below the field for htmx, a page for everybody else."""
    in_the_field = "HX-Request" in request.headers
    typed = request.args.get("q", "").strip()
    audience = audience_of(db.session(), current_viewer())
    students = students_found(
        db.session(),
        audience.school_id,
        datetime.now(UTC).astimezone(audience.zone).date(),
        typed,
        audience.courses,
        limit=IN_THE_FIELD if in_the_field else ON_THE_PAGE,
    )
    return render_template(
        "search/_found.html" if in_the_field else "search/page.html",
        typed=typed,
        students=students,
        zone=audience.zone,
    )
