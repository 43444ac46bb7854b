"""Messages to guardians. The table is the queue."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime

# about a passage of the student, and the others
PASSAGE_KINDS = ("entry", "exit", "arrived_after_alert")
KINDS = (*PASSAGE_KINDS, "absence", "withdrawal", "calendar_change")
STATUSES = (
    "queued",  # waits for its time
    "sending",  # leased by a worker until lease_until
    "sent",  # the provider took it
    "delivered",  # on the phone
    "read",
    "failed",  # given up, with the provider's code
    "unknown",  # a send without an answer: only a webhook can tell
    "recorded",  # real sending is switched off
)


class Notification(Base):
    """One message to one guardian about one fact.

    The unique key is the fact: the ``ordinal``-th entry (or exit) of a student on a date. So
    neither a resent tap nor a recomputed day can tell a family twice. Of a ``calendar_change``
    the ordinal is the id of the exception. It holds ids, not names: the text is rendered when it
    is sent.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(["school_id", "guardian_id"], ["guardians.school_id", "guardians.id"]),
        ForeignKeyConstraint(["school_id", "gate_id"], ["gates.school_id", "gates.id"]),
        UniqueConstraint("school_id", "student_id", "on_date", "kind", "ordinal", "guardian_id"),
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint(f"status IN {STATUSES}", name="status_known"),
        CheckConstraint("ordinal >= 1", name="ordinal_from_one"),
        CheckConstraint(
            f"(kind IN {PASSAGE_KINDS}) = (gate_id IS NOT NULL)", name="gate_of_passage"
        ),
        CheckConstraint(
            "(status = 'sending') = (lease_until IS NOT NULL)", name="lease_if_sending"
        ),
        Index(
            "ix_notifications_due",
            "due_at",
            "school_id",
            postgresql_where=text("status = 'queued'"),
        ),
        Index(
            "ix_notifications_leased",
            "lease_until",
            "school_id",
            postgresql_where=text("status = 'sending'"),
        ),
        Index(  # what a guardian still waits for, oldest fact first: nothing overtakes it
            "ix_notifications_guardian",
            "school_id",
            "guardian_id",
            "fact_at",
            "id",
            postgresql_where=text("status IN ('queued', 'sending')"),
        ),
        Index("ix_notifications_created", "school_id", "created_at", "id"),
    )

    school_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger)
    guardian_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    on_date: Mapped[date]
    ordinal: Mapped[int]
    fact_at: Mapped[datetime] = mapped_column(UTCDateTime)  # when it happened or was found
    gate_id: Mapped[int | None] = mapped_column(BigInteger)  # of a passage
    status: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    provider_id: Mapped[str | None]  # wamid
    error_code: Mapped[int | None]  # the provider's
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
