"""Requests to be absent, late or to leave early, and what was decided about them."""

from __future__ import annotations

from datetime import date, datetime, time

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime

KINDS = ("absence", "late", "early_leave")
STATUSES = ("pending", "approved", "rejected", "withdrawn")
ACTIONS = ("requested", "approved", "rejected", "withdrawn", "reopened")


class AbsenceRequest(Base):
    """A guardian or the staff asks that a student be excused on some dates, both included.

    Only an ``approved`` one counts for the days. One to be ``late`` says until when, by the wall
    clock of the school: from then on the student is missed like all others. The document lies in
    the store under its key.
    """

    __tablename__ = "absence_requests"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(
            ["school_id", "requested_by_guardian"], ["guardians.school_id", "guardians.id"]
        ),
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint(f"status IN {STATUSES}", name="status_known"),
        CheckConstraint("from_on <= until_on", name="dates_in_order"),
        CheckConstraint(
            "status NOT IN ('approved', 'rejected') OR decided_at IS NOT NULL",
            name="decision_has_its_time",
        ),
        CheckConstraint(
            "num_nonnulls(document_key, document_name, document_type, document_bytes) IN (0, 4)",
            name="document_whole",
        ),
        CheckConstraint("(kind = 'late') = (comes_at IS NOT NULL)", name="late_says_until_when"),
        Index(
            "ix_absence_requests_late",
            *("school_id", "until_on"),
            postgresql_where=text("kind = 'late' AND status = 'approved'"),
        ),
        Index("ix_absence_requests_student", "school_id", "student_id", "from_on"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger)
    from_on: Mapped[date]
    until_on: Mapped[date]
    kind: Mapped[str]
    comes_at: Mapped[time | None]
    reason: Mapped[str]  # a code of the interface
    comment: Mapped[str] = mapped_column(server_default="")
    requested_by_user: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    requested_by_guardian: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(server_default="pending")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decision_note: Mapped[str | None]
    document_key: Mapped[str | None]
    document_name: Mapped[str | None]
    document_type: Mapped[str | None]  # a media type
    document_bytes: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())


class AbsenceEvent(Base):
    """One step in the life of a request: asked, decided, taken back. Added, never changed."""

    __tablename__ = "absence_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["school_id", "request_id"], ["absence_requests.school_id", "absence_requests.id"]
        ),
        ForeignKeyConstraint(["school_id", "guardian_id"], ["guardians.school_id", "guardians.id"]),
        CheckConstraint(f"action IN {ACTIONS}", name="action_known"),
        CheckConstraint("num_nonnulls(user_id, guardian_id) = 1", name="one_person"),
        Index("ix_absence_events_request", "school_id", "request_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger)
    action: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    guardian_id: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
