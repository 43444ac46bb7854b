"""Entries and exits that staff made, with the reason and who is answerable."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime

STATES = ("applied", "proposed", "approved", "rejected")


class ManualEntry(Base):
    """A passage that no card told: an entry or exit at its true time, as a member of staff says.

    An ``applied`` or ``approved`` one is a tap of the staff's stream and names it; on a day that
    is closed it stays ``proposed`` until a second person approves. Never changed but for that
    decision. ``request_key`` is minted with the form, so a form sent twice is one entry. There is
    no foreign key to the tap, since taps are kept for less time.
    """

    __tablename__ = "manual_entries"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        UniqueConstraint("school_id", "request_key"),
        CheckConstraint("direction IN ('in', 'out')", name="direction_known"),
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint(
            "num_nonnulls(stream_id, seq) = CASE WHEN state IN ('applied', 'approved')"
            " THEN 2 ELSE 0 END",
            name="tap_if_it_counts",
        ),
        CheckConstraint("decided_by <> author_id", name="two_people"),
        CheckConstraint(
            "(state IN ('approved', 'rejected')) = (decided_at IS NOT NULL)",
            name="decision_has_its_time",
        ),
        Index("ix_manual_entries_day", "school_id", "student_id", "on_date"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    request_key: Mapped[UUID]
    student_id: Mapped[int] = mapped_column(BigInteger)
    on_date: Mapped[date]
    direction: Mapped[str]
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    state: Mapped[str] = mapped_column(server_default="applied")
    stream_id: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[int | None] = mapped_column(BigInteger)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decision_note: Mapped[str | None]
