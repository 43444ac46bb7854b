"""Who is in the building at this moment, by course, for the screen and for paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from central.db import db
from central.evacuation.inside_queries import Contact, Inside, contacts_of, inside_now
from central.evacuation.service import record_phones_seen
from central.web.access import current_school, current_viewer, requires
from central.web.board_page import audience_of

bp = Blueprint("inside", __name__)


@bp.get("/app/inside")
@requires("see_attendance")
def index() -> ResponseReturnValue:
    """``?course=``, ``?q=`` and ``?unsure=1`` narrow it; ``?phones=1`` adds whom to call."""
    session, audience = db.session(), audience_of(db.session(), current_viewer())
    now, typed = datetime.now(UTC), request.args.get("q", "").strip()
    day = now.astimezone(audience.zone).date()
    course = request.args.get("course", type=int)
    unsure = request.args.get("unsure") == "1"
    everyone = inside_now(session, audience.school_id, day, audience.courses, typed=typed)
    students = [
        student
        for student in everyone
        if course in (None, student.course_id) and not (unsure and student.sure)
    ]
    phones = wants_phones()
    return render_template(
        "inside/index.html",
        groups=[(name, list(group)) for name, group in groupby(students, lambda one: one.course)],
        total=len(students),
        unsure_total=sum(not student.sure for student in everyone),
        everyone_total=len(everyone),
        courses={student.course_id: student.course for student in everyone},
        contacts=contacts_shown(students, "inside") if phones else None,
        now=now,
        zone=audience.zone,
        asked={"course": course, "q": typed or None, "unsure": "1" if unsure else None},
        phones=phones,
    )


def wants_phones() -> bool:
    """Whether the page is asked for with telephone numbers by somebody who may see them."""
    return request.args.get("phones") == "1" and current_viewer().may("see_phones")


def contacts_shown(
    students: Sequence[Inside] | Sequence[int], where: str
) -> dict[int, list[Contact]]:
    """Whom to call about each student. That they were looked at is recorded and committed."""
    session, school_id = db.session(), current_school().id
    ids = [student if isinstance(student, int) else student.id for student in students]
    record_phones_seen(session, school_id, current_viewer().user_id, where, len(ids))
    session.commit()
    return contacts_of(session, school_id, ids)
