"""Taps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.schemas import TapPage, TapsQuery
from central.api.v1.scope import school_of
from central.attendance.api_queries import TapFilter, taps_after
from central.db import db
from central.people.scope_queries import courses_seen

bp = APIBlueprint("api_taps", __name__, url_prefix="/api/v1/taps", tag="Taps")


@bp.get("")
@bp.auth_required(bearer)
@bp.input(TapsQuery, location="query")
@bp.output(TapPage)
@bp.doc(operation_id="list_taps")
def taps(query_data: TapsQuery) -> Mapping[str, Any]:
    """Taps in the order in which they arrived, which is not always that of their times.

    A tap never changes. Its `meaning` is concluded from all taps of the student on that date, so
    one that arrives late can change the meaning of others. A teacher gets the taps of their own
    courses, without unknown cards.
    """
    viewer = caller_who("see_attendance")
    rows = taps_after(
        db.session(),
        school_of(viewer),
        id_after(query_data.cursor),
        query_data.limit + 1,
        courses=courses_seen(db.session(), viewer),
        where=TapFilter(query_data.date, query_data.student, query_data.gate),
    )
    items, last = cut(rows, query_data.limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}
