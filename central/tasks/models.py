"""What waits for a person to decide: the one inbox behind the count in the top bar."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import Json, UTCDateTime

KINDS = ("no_show_check", "correction_approval", "absence_request", "day_open", "card_alert")
STATES = (
    "open",
    "done",  # a person did what it asked for
    "dismissed",  # a person, or the end of the day, decided that nothing is to be done
    "resolved",  # its reasons went away by themselves
)


class Task(Base):
    """Something that a person must decide, about a date of the school.

    ``subject`` names the thing in ids, such as ``{"absence_request": 12}``: one task about it is
    open at a time. ``reasons`` are stable codes with what belongs to them; pages turn them into
    sentences. ``decided_by`` None with a state other than open: the system.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_if_closed"),
        Index(
            "uq_tasks_open",
            "school_id",
            "kind",
            "on_date",
            "subject",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    on_date: Mapped[date]
    subject: Mapped[dict[str, Any]] = mapped_column(Json, server_default="{}")
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json, server_default="[]")
    state: Mapped[str] = mapped_column(server_default="open")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    note: Mapped[str | None]
