"""Messages to guardians."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.schemas import NotificationPage, NotificationsQuery
from central.api.v1.scope import school_of
from central.db import db
from central.notifications.api_queries import NotificationFilter, notifications_after

bp = APIBlueprint(
    "api_notifications", __name__, url_prefix="/api/v1/notifications", tag="Notifications"
)


@bp.get("")
@bp.auth_required(bearer)
@bp.input(NotificationsQuery, location="query")
@bp.output(NotificationPage)
@bp.doc(operation_id="list_notifications")
def notifications(query_data: NotificationsQuery) -> Mapping[str, Any]:
    """What was sent to guardians, and how far it came. Holds no names, numbers or texts."""
    viewer = caller_who("see_messages")
    rows = notifications_after(
        db.session(),
        school_of(viewer),
        id_after(query_data.cursor),
        query_data.limit + 1,
        where=NotificationFilter(query_data.date, query_data.student, query_data.status),
    )
    items, last = cut(rows, query_data.limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}
