"""Gates and their devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.schemas import GatePage, GatesQuery
from central.api.v1.scope import school_of
from central.db import db
from central.devices.api_queries import gates_after

bp = APIBlueprint("api_gates", __name__, url_prefix="/api/v1/gates", tag="Gates")


@bp.get("")
@bp.auth_required(bearer)
@bp.input(GatesQuery, location="query")
@bp.output(GatePage)
@bp.doc(operation_id="list_gates")
def gates(query_data: GatesQuery) -> Mapping[str, Any]:
    """Gates with their devices, and whether these give news."""
    viewer = caller_who("see_gates")
    rows = gates_after(
        db.session(), school_of(viewer), id_after(query_data.cursor), query_data.limit + 1
    )
    items, last = cut(rows, query_data.limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}
