"""Messages as the API lists them: ids, states and times; no name, number or text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.notifications.models import Notification


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    on_date: date | None = None
    student_id: int | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class NotificationListed:
    id: int
    student_id: int
    guardian_id: int
    kind: str
    on_date: date
    ordinal: int
    fact_at: datetime
    gate_id: int | None
    status: str
    attempts: int
    error_code: int | None
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None


_COLUMNS = [getattr(Notification, name) for name in NotificationListed.__slots__]


def notifications_after(
    session: Session, school_id: int, after: int, limit: int, *, where: NotificationFilter
) -> list[NotificationListed]:
    """At most ``limit`` messages with an id above ``after``, in the order in which they arose."""
    statement = select(*_COLUMNS).where(
        Notification.school_id == school_id, Notification.id > after
    )
    chosen = {
        Notification.on_date: where.on_date,
        Notification.student_id: where.student_id,
        Notification.status: where.status,
    }
    for column, value in chosen.items():
        if value is not None:
            statement = statement.where(column == value)
    rows = session.execute(statement.order_by(Notification.id).limit(limit))
    return [NotificationListed(*row) for row in rows]
