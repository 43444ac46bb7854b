"""New versions of the gates' software on their way through a school."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from pydantic import Field

from central.api.auth import bearer, caller_who
from central.api.fields import Answer, Id, Moment, Nothing, OneOf, Request
from central.api.paging import IdCursor, Page, PageQuery, cut, id_after, id_cursor
from central.api.v1.device_releases import VersionText
from central.api.v1.scope import school_of
from central.db import db
from central.releases import queries, service
from central.releases.rules import DEVICE_STATES, STATES, STEPS
from contracts.topics import DEVICE_ID

bp = APIBlueprint("api_rollouts", __name__, url_prefix="/api/v1", tag="Gates")

DeviceId = Annotated[str, Field(pattern=f"^{DEVICE_ID.pattern}$")]


class RolloutPath(Request):
    rollout_id: Id


class RolloutsQuery(PageQuery):
    cursor: IdCursor | None = None


class ReleaseOut(Answer):
    version: str
    size: Annotated[int, Field(description="Bytes")]
    sha256: str
    published_at: Moment
    withdrawn_at: Annotated[Moment | None, Field(description="Given to nobody since then")]


class ReleasesOut(Answer):
    items: list[ReleaseOut]


class NewRollout(Request):
    version: VersionText
    canaries: Annotated[
        tuple[DeviceId, ...],
        Field(max_length=50, description="Who goes first; empty leaves it to the system"),
    ] = ()


class Step(Request):
    step: Annotated[str, OneOf(STEPS)]


class RolloutDeviceOut(Answer):
    device_id: str
    stage: Annotated[int, Field(description="0 goes first")]
    state: Annotated[str, OneOf(DEVICE_STATES)]
    reason: Annotated[str | None, Field(description="A stable code of the device's")]
    version: Annotated[str | None, Field(description="What it says that it runs")]
    changed_at: Moment


class RolloutOut(Answer):
    id: int
    version: str
    state: Annotated[str, OneOf(STATES)]
    reason: Annotated[str | None, Field(description="Why it is paused")]
    started_by: Annotated[int | None, Field(description="Null: the operator of the server")]
    started_at: Moment
    changed_at: Moment
    devices: list[RolloutDeviceOut]


class RolloutPage(Page):
    items: list[RolloutOut]


@bp.get("/releases")
@bp.auth_required(bearer)
@bp.input(Nothing, location="query")
@bp.output(ReleasesOut)
@bp.doc(operation_id="list_releases")
def releases(query_data: Nothing) -> Mapping[str, Any]:
    """Every version of the gates' software, the newest first."""
    caller_who("see_gates")
    return {"items": queries.releases(db.session())}


@bp.get("/rollouts")
@bp.auth_required(bearer)
@bp.input(RolloutsQuery, location="query")
@bp.output(RolloutPage)
@bp.doc(operation_id="list_rollouts")
def rollouts(query_data: RolloutsQuery) -> Mapping[str, Any]:
    """Roll-outs in the school, the newest first, and how far each device came."""
    viewer = caller_who("see_gates")
    before = id_after(query_data.cursor) if query_data.cursor else None
    rows = queries.rollouts_before(db.session(), school_of(viewer), before, query_data.limit + 1)
    items, last = cut(rows, query_data.limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.post("/rollouts")
@bp.auth_required(bearer)
@bp.input(Nothing, location="query")
@bp.input(NewRollout)
@bp.output(RolloutOut, status_code=201)
@bp.doc(
    operation_id="start_rollout",
    responses={404: "No such release or device", 409: "Another one is not finished"},
)
def start(query_data: Nothing, json_data: NewRollout) -> RolloutOut:
    """Bring a version to the school's gates.

    The canaries get it first, then a quarter of the others, then all; each stage after the one
    before has worked for half an hour. A gate that fails goes back by itself and pauses the rest.
    """
    viewer, session = caller_who("update_gates"), db.session()
    rollout = service.start(
        session,
        school_of(viewer),
        json_data.version,
        json_data.canaries,
        by=viewer.user_id,
        now=datetime.now(UTC),
    )
    answer = RolloutOut.model_validate(queries.shown(session, [rollout])[0])
    session.commit()
    return answer


@bp.post("/rollouts/<int:rollout_id>/steps")
@bp.auth_required(bearer)
@bp.input(RolloutPath, location="path")
@bp.input(Nothing, location="query")
@bp.input(Step)
@bp.output(RolloutOut)
@bp.doc(
    operation_id="step_rollout",
    responses={404: "No such roll-out", 409: "It is in no state for that"},
)
def step(
    rollout_id: int, path_data: RolloutPath, query_data: Nothing, json_data: Step
) -> RolloutOut:
    """Pause, resume or stop a roll-out. What is installed stays installed."""
    viewer, session = caller_who("update_gates"), db.session()
    rollout = service.step(
        session,
        school_of(viewer),
        path_data.rollout_id,
        json_data.step,
        by=viewer.user_id,
        now=datetime.now(UTC),
    )
    answer = RolloutOut.model_validate(queries.shown(session, [rollout])[0])
    session.commit()
    return answer
