"""Who is inside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.safety_schemas import InsidePage, InsideQuery
from central.api.v1.scope import school_of
from central.db import db
from central.evacuation.inside_queries import inside_now
from central.people.scope_queries import courses_seen
from central.schools.queries import today_at

bp = APIBlueprint("api_inside", __name__, url_prefix="/api/v1/inside", tag="Building")


@bp.get("")
@bp.auth_required(bearer)
@bp.input(InsideQuery, location="query")
@bp.output(InsidePage)
@bp.doc(operation_id="list_inside")
def inside(query_data: InsideQuery) -> Mapping[str, Any]:
    """Students who came in today and have not left, by id.

    Without telephones: looking at these is recorded, so it takes the page. A teacher gets the
    students of their own courses.
    """
    viewer = caller_who("see_attendance")
    session, school_id = db.session(), school_of(viewer)
    today = today_at(session, school_id, now=datetime.now(UTC))
    found = inside_now(session, school_id, today, courses_seen(session, viewer))
    after = id_after(query_data.cursor)
    rows = sorted(
        (
            student
            for student in found
            if student.id > after and query_data.course in (None, student.course_id)
        ),
        key=lambda student: student.id,
    )[: query_data.limit + 1]
    items, last = cut(rows, query_data.limit)
    return {
        "items": [{**_plain(student), "student_id": student.id} for student in items],
        "next": id_cursor(last.id) if last else None,
    }


def _plain(student: Any) -> dict[str, Any]:
    names = ("given_names", "family_names", "course_id", "course", "since", "sure")
    return {name: getattr(student, name) for name in names}
