"""Requests to be excused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from apiflask import APIBlueprint

from central.absences import queries
from central.absences.queries import AbsenceFilter
from central.absences.service import Asked, Step, request_absence, take_step
from central.api.auth import bearer, caller_who
from central.api.fields import Nothing
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.desk_schemas import (
    AbsenceIn,
    AbsenceOut,
    AbsencePage,
    AbsencePath,
    AbsencesQuery,
    AbsenceStep,
    AbsenceStoryOut,
)
from central.api.v1.scope import school_of
from central.db import db
from central.errors import NotFound

bp = APIBlueprint("api_absences", __name__, url_prefix="/api/v1/absences", tag="Absences")

_NOT_THERE = {404: "Not in this school"}
_CONTRADICTED = {409: "It contradicts what is stored, or cannot be meant: see `detail`"}


@bp.get("")
@bp.auth_required(bearer)
@bp.input(AbsencesQuery, location="query")
@bp.output(AbsencePage)
@bp.doc(operation_id="list_absences")
def absences(query_data: AbsencesQuery) -> Mapping[str, Any]:
    """Requests that a student be excused. The dates keep those that touch them."""
    viewer = caller_who("manage_absences")
    where = AbsenceFilter(
        status=query_data.status,
        reason=query_data.reason,
        course_id=query_data.course,
        student_id=query_data.student,
        from_on=query_data.first,
        until_on=query_data.last,
    )
    after, limit = id_after(query_data.cursor), query_data.limit
    rows = queries.absences_after(db.session(), school_of(viewer), after, limit + 1, where=where)
    items, last = cut(rows, limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.post("")
@bp.auth_required(bearer)
@bp.input(AbsenceIn)
@bp.output(AbsenceOut, status_code=201)
@bp.doc(operation_id="request_absence", responses=_NOT_THERE | _CONTRADICTED)
def ask(json_data: AbsenceIn) -> AbsenceOut:
    """Ask that a student be excused. It counts once it is approved."""
    viewer, session = caller_who("manage_absences"), db.session()
    asked = Asked(
        json_data.student,
        json_data.first,
        json_data.last,
        json_data.kind,
        json_data.reason,
        json_data.comment,
        time.fromisoformat(json_data.comes_at) if json_data.comes_at else None,
    )
    now = datetime.now(UTC)
    made = request_absence(session, school_of(viewer), asked, viewer.user_id, now=now)
    session.commit()
    return _one(school_of(viewer), made.id)


@bp.get("/<int:absence_id>")
@bp.auth_required(bearer)
@bp.input(AbsencePath, location="path")
@bp.input(Nothing, location="query")
@bp.output(AbsenceStoryOut)
@bp.doc(operation_id="get_absence", responses=_NOT_THERE)
def absence(absence_id: int, path_data: AbsencePath, query_data: Nothing) -> AbsenceStoryOut:
    """One request with what happened to it."""
    school_id = school_of(caller_who("manage_absences"))
    found = _one(school_id, path_data.absence_id)
    history = queries.history(db.session(), school_id, path_data.absence_id)
    return AbsenceStoryOut.model_validate(
        {**found.model_dump(), "history": history}, from_attributes=True
    )


@bp.post("/<int:absence_id>/steps")
@bp.auth_required(bearer)
@bp.input(AbsencePath, location="path")
@bp.input(AbsenceStep)
@bp.output(AbsenceOut)
@bp.doc(operation_id="decide_absence", responses=_NOT_THERE | _CONTRADICTED)
def take(absence_id: int, path_data: AbsencePath, json_data: AbsenceStep) -> AbsenceOut:
    """Approve, reject, withdraw or reopen a request.

    The attendance days that it touches, past and to come, follow at once.
    """
    viewer, session = caller_who("manage_absences"), db.session()
    step = Step(json_data.action, viewer.user_id, json_data.note or None)
    take_step(session, school_of(viewer), path_data.absence_id, step, now=datetime.now(UTC))
    session.commit()
    return _one(school_of(viewer), path_data.absence_id)


def _one(school_id: int, absence_id: int) -> AbsenceOut:
    found = queries.one_absence(db.session(), school_id, absence_id)
    if found is None:
        raise NotFound("no such absence")
    return AbsenceOut.model_validate(found)
