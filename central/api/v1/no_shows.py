"""Students who were expected and have not come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.v1.follow_up_schemas import NoShowList, NoShowOut, NoShowsQuery, ResolutionIn
from central.api.v1.scope import school_of
from central.db import db
from central.no_shows.follow_up_service import resolve
from central.no_shows.queries import no_shows_on, one_no_show
from central.people.scope_queries import courses_seen
from central.tasks.service import Decision

bp = APIBlueprint("api_no_shows", __name__, url_prefix="/api/v1/no-shows", tag="No-shows")


@bp.get("")
@bp.auth_required(bearer)
@bp.input(NoShowsQuery, location="query")
@bp.output(NoShowList)
@bp.doc(operation_id="list_no_shows")
def no_shows(query_data: NoShowsQuery) -> Mapping[str, Any]:
    """Who was missed on a date, and what became of it. A teacher gets their own courses."""
    viewer = caller_who("see_attendance")
    seen = courses_seen(db.session(), viewer)
    if query_data.course is not None:
        allowed = seen is None or query_data.course in seen
        seen = [query_data.course] if allowed else []
    return {"items": no_shows_on(db.session(), school_of(viewer), query_data.date, seen)}


@bp.post("/resolutions")
@bp.auth_required(bearer)
@bp.input(ResolutionIn)
@bp.output(NoShowOut)
@bp.doc(operation_id="resolve_no_show", responses={404: "Nobody was missed so"})
def resolutions(json_data: ResolutionIn) -> NoShowOut:
    """Note what became of a missing student. A later note replaces it."""
    viewer, session = caller_who("decide_tasks"), db.session()
    school_id, student = school_of(viewer), (json_data.date, json_data.student)
    decision = Decision("done", viewer.user_id, json_data.note or None)
    resolve(session, school_id, student, json_data.resolution, decision, now=datetime.now(UTC))
    session.commit()
    return NoShowOut.model_validate(one_no_show(session, school_id, *student))
