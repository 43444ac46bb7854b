"""Students."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.fields import Nothing
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.schemas import StudentOut, StudentPage, StudentPath, StudentsQuery
from central.api.v1.scope import school_of
from central.db import db
from central.errors import NotFound
from central.people.api_queries import (
    StudentFilter,
    student_listed,
    students_after,
)
from central.people.scope_queries import courses_seen

bp = APIBlueprint("api_students", __name__, url_prefix="/api/v1/students", tag="Students")


@bp.get("")
@bp.auth_required(bearer)
@bp.input(StudentsQuery, location="query")
@bp.output(StudentPage)
@bp.doc(operation_id="list_students")
def students(query_data: StudentsQuery) -> Mapping[str, Any]:
    """Students by id, those who left included. A teacher gets those of their own courses."""
    viewer = caller_who("see_students")
    rows = students_after(
        db.session(),
        school_of(viewer),
        id_after(query_data.cursor),
        query_data.limit + 1,
        courses=courses_seen(db.session(), viewer),
        where=StudentFilter(query_data.course, query_data.q),
    )
    items, last = cut(rows, query_data.limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.get("/<int:student_id>")
@bp.auth_required(bearer)
@bp.input(StudentPath, location="path")
@bp.input(Nothing, location="query")
@bp.output(StudentOut)
@bp.doc(operation_id="get_student")
def student(student_id: int, path_data: StudentPath, query_data: Nothing) -> StudentOut:
    """One student."""
    viewer = caller_who("see_students")
    found = student_listed(
        db.session(), school_of(viewer), path_data.student_id, courses_seen(db.session(), viewer)
    )
    if found is None:
        raise NotFound("no such student")
    return StudentOut.model_validate(found)
