"""Who may collect a student and who may not, and every attempt to do so during the day."""

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
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime

IDENTITY_KINDS = ("run", "passport")  # a RUN as 12345678-5; a foreign document as it is written
RELATIONSHIPS = (
    *("mother", "father", "grandparent", "sibling", "uncle_aunt"),
    *("transport", "neighbour", "other"),
)
REASONS = ("medical", "family", "illness", "procedure", "other")
REFUSALS = (
    "custody",  # a court order forbids this person
    "not_authorised",  # a guardian without the right to collect
    "not_yet",  # the authorisation begins on a later day
    "expired",
    "revoked",
    "other_identity",  # what the person showed is not what is on file
)


class AuthorisedPerson(Base):
    """Somebody besides the guardians who may collect a student on some dates, both included.

    Never changed but to be revoked or to get a photo: other dates or another number are another
    person to authorise.
    """

    __tablename__ = "authorised_persons"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        CheckConstraint(f"identity_kind IN {IDENTITY_KINDS}", name="identity_kind_known"),
        CheckConstraint(f"relationship IN {RELATIONSHIPS}", name="relationship_known"),
        CheckConstraint(r"phone ~ '^\+[1-9][0-9]{7,14}$'", name="phone_e164"),
        CheckConstraint("from_on <= until_on", name="dates_in_order"),
        CheckConstraint("(revoked_by IS NULL) = (revoked_at IS NULL)", name="revoked_by_and_at"),
        Index("ix_authorised_persons_student", "school_id", "student_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger)
    full_name: Mapped[str]
    identity_kind: Mapped[str]
    identity_number: Mapped[str]
    relationship: Mapped[str]
    phone: Mapped[str | None]  # E.164
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    photo_key: Mapped[str | None]  # in the store
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class CustodyFlag(Base):
    """A court order that forbids a person to collect a student. Ended, never removed.

    It stands above every right. A person is known by being a guardian here, by a number, or by
    name alone when that is all that the order says.
    """

    __tablename__ = "custody_flags"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(["school_id", "guardian_id"], ["guardians.school_id", "guardians.id"]),
        CheckConstraint(f"identity_kind IN {IDENTITY_KINDS}", name="identity_kind_known"),
        CheckConstraint(
            "num_nonnulls(identity_kind, identity_number) IN (0, 2)", name="identity_whole"
        ),
        CheckConstraint("from_on <= until_on", name="dates_in_order"),
        CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name="ended_by_and_at"),
        Index("ix_custody_flags_student", "school_id", "student_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger)
    person_name: Mapped[str]
    guardian_id: Mapped[int | None] = mapped_column(BigInteger)
    identity_kind: Mapped[str | None]
    identity_number: Mapped[str | None]
    court_order: Mapped[str]  # court and case, so that anybody can look it up
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class Withdrawal(Base):
    """Somebody came to take a student out of the school day: who, why, and what became of it.

    A ``done`` one names its exit, a tap of the staff's stream; a ``refused`` one its reason. Name
    and number are copied, since they must be what was read that day. ``request_key`` is minted with
    the form, so a form sent twice is one withdrawal.
    """

    __tablename__ = "withdrawals"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(["school_id", "guardian_id"], ["guardians.school_id", "guardians.id"]),
        ForeignKeyConstraint(
            ["school_id", "authorised_person_id"],
            ["authorised_persons.school_id", "authorised_persons.id"],
        ),
        UniqueConstraint("school_id", "request_key"),
        CheckConstraint("num_nonnulls(guardian_id, authorised_person_id) = 1", name="one_person"),
        CheckConstraint(f"identity_kind IN {IDENTITY_KINDS}", name="identity_kind_known"),
        CheckConstraint(f"reason IN {REASONS}", name="reason_known"),
        CheckConstraint(f"refusal IN {REFUSALS}", name="refusal_known"),
        CheckConstraint(
            "CASE WHEN refusal IS NULL THEN num_nonnulls(stream_id, seq) = 2"
            " ELSE num_nonnulls(stream_id, seq, signature_key) = 0 END",
            name="exit_unless_refused",
        ),
        Index("ix_withdrawals_day", "school_id", "on_date", "student_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    request_key: Mapped[UUID]
    student_id: Mapped[int] = mapped_column(BigInteger)
    on_date: Mapped[date]
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    guardian_id: Mapped[int | None] = mapped_column(BigInteger)
    authorised_person_id: Mapped[int | None] = mapped_column(BigInteger)
    person_name: Mapped[str]
    relationship: Mapped[str]
    identity_kind: Mapped[str]
    identity_number: Mapped[str]
    reason: Mapped[str]
    comment: Mapped[str] = mapped_column(server_default=text("''"))
    refusal: Mapped[str | None]  # None: done
    signature_key: Mapped[str | None]  # in the store; None when it was signed on paper
    stream_id: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[int | None] = mapped_column(BigInteger)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
