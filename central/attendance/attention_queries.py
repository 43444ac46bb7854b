"""What a person should look at today: gates, cards and messages that are not as they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, func, select
from sqlalchemy.orm import Session

from central.attendance.board_rules import has_gone_quiet
from central.attendance.models import Tap
from central.devices.models import Device, Gate, QuarantinedMessage, Stream
from central.notifications.models import Notification

QUIET_FOR = timedelta(minutes=10)
STUCK_AFTER = timedelta(minutes=2)  # a message that is due leaves within seconds


@dataclass(frozen=True, slots=True)
class GateTrouble:
    """A gate that needs somebody.

    ``kind``: ``offline`` since then, ``never`` connected, ``quiet`` (connected, but no card read
    since then while the other gates go on) or ``clock`` (unsure times since then).
    """

    kind: str
    gate: str
    device_id: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class UnknownCards:
    """Cards that named nobody today, and where the last one was."""

    cards: int
    last_at: datetime
    gate: str


@dataclass(frozen=True, slots=True)
class MessageTrouble:
    """Today's messages that did not arrive, may not have arrived, or are stuck here."""

    failed: int
    unknown: int
    stuck: int


def gates_in_trouble(
    session: Session, school_id: int, on_date: date, *, now: datetime
) -> list[GateTrouble]:
    """Gates in trouble, the gravest first; an empty list is good news."""
    devices = _devices(session, school_id, on_date, now - QUIET_FOR)
    troubles = [trouble for row in devices if (trouble := _trouble(row, devices)) is not None]
    return sorted(troubles, key=lambda trouble: _GRAVITY.index(trouble.kind))


_GRAVITY = ("offline", "quiet", "never", "clock")


def _devices(
    session: Session, school_id: int, on_date: date, since: datetime
) -> Sequence[Row[Any]]:
    taps_of_stream = and_(
        Tap.school_id == Stream.school_id, Tap.stream_id == Stream.id, Tap.on_date == on_date
    )
    rows: Sequence[Any] = session.execute(
        select(
            *(Device.id, Device.online, Device.status_at, Device.health_at, Gate.name),
            func.count().filter(Tap.tapped_at < since).label("before"),
            func.count().filter(Tap.tapped_at >= since).label("lately"),
            func.max(Tap.tapped_at).label("last_at"),
            func.min(Tap.tapped_at).filter(Tap.clock == "unsynced").label("unsure_since"),
        )
        .join(Gate, and_(Gate.school_id == Device.school_id, Gate.id == Device.gate_id))
        .outerjoin(
            Stream, and_(Stream.school_id == Device.school_id, Stream.device_id == Device.id)
        )
        .outerjoin(Tap, taps_of_stream)
        .where(Device.school_id == school_id, Device.kind == "gate", Device.revoked_at.is_(None))
        .group_by(Device.school_id, Device.id, Gate.name)
        .order_by(Gate.name, Device.id)
    ).all()
    return rows


def _trouble(row: Row[Any], devices: Sequence[Row[Any]]) -> GateTrouble | None:
    others = [other for other in devices if other.id != row.id]
    before = sum(other.before for other in others)
    lately = sum(other.lately for other in others)
    if row.status_at is None and row.last_at is None:
        return GateTrouble("never", row.name, row.id, None)
    if not row.online:
        # the status may be as old as the connection; what came through it is the last news
        news = [at for at in (row.status_at, row.health_at, row.last_at) if at is not None]
        return GateTrouble("offline", row.name, row.id, max(news))
    if row.lately == 0 and has_gone_quiet(row.before, before, lately):
        return GateTrouble("quiet", row.name, row.id, row.last_at)
    if row.unsure_since is not None:
        return GateTrouble("clock", row.name, row.id, row.unsure_since)
    return None


def unknown_cards(session: Session, school_id: int, on_date: date) -> UnknownCards | None:
    """Today's cards that named nobody; None when there were none."""
    nobody = and_(
        Tap.school_id == school_id,
        Tap.on_date == on_date,
        Tap.student_id.is_(None),
        Tap.card_kind != "staff",
    )
    last = session.execute(
        select(Tap.tapped_at, Gate.name)
        .join(Gate, and_(Gate.school_id == Tap.school_id, Gate.id == Tap.gate_id))
        .where(nobody)
        .order_by(Tap.tapped_at.desc())
        .limit(1)
    ).first()
    if last is None:
        return None
    cards = session.scalar(select(func.count(Tap.digest.distinct())).where(nobody)) or 0
    return UnknownCards(cards, last.tapped_at, last.name)


def messages_in_trouble(
    session: Session, school_id: int, since: datetime, *, now: datetime
) -> MessageTrouble:
    """The messages made ``since`` then that need a look."""
    stuck = and_(Notification.status == "queued", Notification.due_at < now - STUCK_AFTER)
    row = session.execute(
        select(
            func.count().filter(Notification.status == "failed"),
            func.count().filter(Notification.status == "unknown"),
            func.count().filter(stuck),
        ).where(Notification.school_id == school_id, Notification.created_at >= since)
    ).one()
    return MessageTrouble(*row)


def unreadable_messages(session: Session, school_id: int, since: datetime) -> int:
    """How many messages of this school's gates could not be read ``since`` then."""
    return (
        session.scalar(
            select(func.count()).where(
                QuarantinedMessage.school_id == school_id, QuarantinedMessage.received_at >= since
            )
        )
        or 0
    )
