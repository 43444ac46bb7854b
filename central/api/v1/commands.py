"""Orders to the devices of a gate, for technicians."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from pydantic import Field

from central.accounts.service import record
from central.api.auth import bearer, caller_who
from central.api.fields import Answer, BodyWhole, Id, Moment, Nothing, OneOf, Request
from central.api.paging import IdCursor, Page, PageQuery, cut, id_after, id_cursor
from central.api.v1.scope import school_of
from central.db import db
from central.devices.order_queries import device_at_gate, listed, orders_before
from central.devices.steering_rules import COMMANDS, LONGEST_LIFE, SHORTEST_LIFE
from central.devices.steering_service import order
from central.errors import NotFound
from contracts.topics import DEVICE_ID

bp = APIBlueprint("api_commands", __name__, url_prefix="/api/v1/gates", tag="Gates")

Seconds = Annotated[
    int,
    Field(ge=int(SHORTEST_LIFE.total_seconds()), le=int(LONGEST_LIFE.total_seconds())),
    BodyWhole,
]


class GatePath(Request):
    gate_id: Id


class OrderArgs(Request):
    seconds: Annotated[int | None, Field(ge=1, le=60, description="For `identify`"), BodyWhole] = (
        None
    )
    lines: Annotated[int | None, Field(ge=1, le=500, description="For `logs`"), BodyWhole] = None


class NewOrder(Request):
    device: Annotated[str, Field(pattern=f"^{DEVICE_ID.pattern}$")]
    name: Annotated[str, OneOf(COMMANDS)]
    args: OrderArgs = OrderArgs()
    within_seconds: Annotated[
        Seconds, Field(description="Not carried out any more after these")
    ] = 300


class OrderOut(Answer):
    id: int
    device_id: str
    name: Annotated[str, OneOf(COMMANDS)]
    args: dict[str, Any]
    state: Annotated[
        Literal["queued", "sent", "done", "failed", "unanswered"],
        Field(description="`sent`: the broker has it; `unanswered`: nothing came back in time"),
    ]
    created_at: Moment
    expires_at: Moment
    sent_at: Moment | None
    answered_at: Moment | None
    error: Annotated[str | None, Field(description="A stable code, the device's or `expired`")]
    result: dict[str, Any] | None


class OrdersQuery(PageQuery):
    cursor: IdCursor | None = None


class OrderPage(Page):
    items: list[OrderOut]


@bp.get("/<int:gate_id>/commands")
@bp.auth_required(bearer)
@bp.input(GatePath, location="path")
@bp.input(OrdersQuery, location="query")
@bp.output(OrderPage)
@bp.doc(operation_id="list_commands")
def commands(gate_id: int, path_data: GatePath, query_data: OrdersQuery) -> Mapping[str, Any]:
    """Orders to the devices of this gate, the newest first. Of a gate elsewhere there are none."""
    viewer = caller_who("steer_gates")
    before = id_after(query_data.cursor) if query_data.cursor else None
    rows = orders_before(
        db.session(),
        school_of(viewer),
        path_data.gate_id,
        before,
        query_data.limit + 1,
        now=datetime.now(UTC),
    )
    items, last = cut(rows, query_data.limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.post("/<int:gate_id>/commands")
@bp.auth_required(bearer)
@bp.input(GatePath, location="path")
@bp.input(Nothing, location="query")
@bp.input(NewOrder)
@bp.output(OrderOut, status_code=201)
@bp.doc(
    operation_id="give_command",
    responses={404: "No such device at this gate", 409: "The device takes no orders"},
)
def give_command(
    gate_id: int, path_data: GatePath, query_data: Nothing, json_data: NewOrder
) -> OrderOut:
    """Have a device carry something out.

    It is told within a second or two while it is connected, carries the order out once, and its
    answer appears in the list of orders. An order never waits for a device beyond its end.
    """
    viewer, now = caller_who("steer_gates"), datetime.now(UTC)
    session, school_id = db.session(), school_of(viewer)
    device = device_at_gate(session, school_id, path_data.gate_id, json_data.device)
    if device is None:
        raise NotFound("no such device at this gate")
    command = order(
        session,
        device,
        json_data.name,
        json_data.args.model_dump(exclude_none=True),
        by=viewer.user_id,
        until=now + timedelta(seconds=json_data.within_seconds),
    )
    record(
        session,
        school_id,
        viewer.user_id,
        f"ordered_{command.name}".replace("-", "_"),
        f"device:{device.id}",
    )
    answer = OrderOut.model_validate(listed(command, now=now))
    session.commit()
    return answer
