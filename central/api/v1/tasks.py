"""What waits for a person to decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.fields import Nothing
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.follow_up_schemas import (
    DecidedOut,
    DecisionIn,
    TaskOut,
    TaskPage,
    TaskPath,
    TasksQuery,
)
from central.api.v1.scope import school_of
from central.db import db
from central.no_shows.service import confirm, dismiss
from central.tasks.models import STATES
from central.tasks.queries import one_task, tasks_after
from central.tasks.service import Decision

bp = APIBlueprint("api_tasks", __name__, url_prefix="/api/v1/tasks", tag="Tasks")


@bp.get("")
@bp.auth_required(bearer)
@bp.input(TasksQuery, location="query")
@bp.output(TaskPage)
@bp.doc(operation_id="list_tasks")
def tasks(query_data: TasksQuery) -> Mapping[str, Any]:
    """What waits for a person, and what was decided."""
    viewer = caller_who("decide_tasks")
    states = STATES if query_data.state is None else (query_data.state,)
    after, limit = id_after(query_data.cursor), query_data.limit
    rows = tasks_after(db.session(), school_of(viewer), after, limit + 1, states=states)
    items, last = cut(rows, limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.get("/<int:task_id>")
@bp.auth_required(bearer)
@bp.input(TaskPath, location="path")
@bp.input(Nothing, location="query")
@bp.output(TaskOut)
@bp.doc(operation_id="get_task", responses={404: "Not in this school"})
def task(task_id: int, path_data: TaskPath, query_data: Nothing) -> TaskOut:
    """One task."""
    viewer = caller_who("decide_tasks")
    return TaskOut.model_validate(one_task(db.session(), school_of(viewer), path_data.task_id))


@bp.post("/<int:task_id>/decision")
@bp.auth_required(bearer)
@bp.input(TaskPath, location="path")
@bp.input(DecisionIn)
@bp.output(DecidedOut)
@bp.doc(
    operation_id="decide_task",
    responses={
        404: "Not in this school, or not about missing students",
        409: "Decided already, or of a course of which nothing is held: see `detail`",
    },
)
def decide(task_id: int, path_data: TaskPath, json_data: DecisionIn) -> Mapping[str, Any]:
    """Tell the families of missing students whom a check held, or tell nobody."""
    viewer, session, now = caller_who("decide_tasks"), db.session(), datetime.now(UTC)
    school_id, number = school_of(viewer), path_data.task_id
    decision = Decision("done", viewer.user_id, json_data.note or None)
    messages = 0
    if json_data.decision == "confirm":
        told = confirm(session, school_id, number, json_data.courses, decision, now=now)
        students, messages = told.students, told.messages
    else:
        students = dismiss(session, school_id, number, json_data.courses, decision, now=now)
    session.commit()
    found = one_task(session, school_id, number)
    return {"task": found, "students": students, "messages": messages}
