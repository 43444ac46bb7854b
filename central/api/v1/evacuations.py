"""Evacuations and drills, to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.fields import Nothing
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.safety_schemas import (
    EvacuationOut,
    EvacuationPage,
    EvacuationPath,
    EvacuationsQuery,
    EvacueePage,
)
from central.api.v1.scope import school_of
from central.db import db
from central.evacuation.queries import evacuations_after, evacuees, one_evacuation

bp = APIBlueprint("api_evacuations", __name__, url_prefix="/api/v1/evacuations", tag="Building")


@bp.get("")
@bp.auth_required(bearer)
@bp.input(EvacuationsQuery, location="query")
@bp.output(EvacuationPage)
@bp.doc(operation_id="list_evacuations")
def evacuations(query_data: EvacuationsQuery) -> Mapping[str, Any]:
    """Evacuations and drills by id, the running one included."""
    viewer = caller_who("mark_evacuation")
    rows = evacuations_after(
        db.session(), school_of(viewer), id_after(query_data.cursor), query_data.limit + 1
    )
    items, last = cut(rows, query_data.limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.get("/<int:evacuation_id>")
@bp.auth_required(bearer)
@bp.input(EvacuationPath, location="path")
@bp.input(Nothing, location="query")
@bp.output(EvacuationOut)
@bp.doc(operation_id="get_evacuation")
def evacuation(evacuation_id: int, path_data: EvacuationPath, query_data: Nothing) -> EvacuationOut:
    """One evacuation."""
    viewer = caller_who("mark_evacuation")
    found = one_evacuation(db.session(), school_of(viewer), path_data.evacuation_id)
    return EvacuationOut.model_validate(found)


@bp.get("/<int:evacuation_id>/students")
@bp.auth_required(bearer)
@bp.input(EvacuationPath, location="path")
@bp.input(EvacuationsQuery, location="query")
@bp.output(EvacueePage)
@bp.doc(operation_id="list_evacuees")
def students(
    evacuation_id: int, path_data: EvacuationPath, query_data: EvacuationsQuery
) -> Mapping[str, Any]:
    """The students on its list, by id, each with the mark that counts.

    Every course, whoever teaches it: in an evacuation everybody looks for everybody.
    """
    viewer = caller_who("mark_evacuation")
    session, school_id = db.session(), school_of(viewer)
    found = one_evacuation(session, school_id, path_data.evacuation_id)
    after = id_after(query_data.cursor)
    rows = sorted(
        (person for person in evacuees(session, school_id, found.id) if person.id > after),
        key=lambda person: person.id,
    )[: query_data.limit + 1]
    items, last = cut(rows, query_data.limit)
    names = ("course_id", "sure", "added", "state", "marked_by", "marked_at")
    return {
        "items": [
            {"student_id": person.id, **{name: getattr(person, name) for name in names}}
            for person in items
        ],
        "next": id_cursor(last.id) if last else None,
    }
