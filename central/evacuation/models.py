"""Evacuations and drills: who was inside, who was marked as what by whom, who opens a gate's list.

Nothing is overwritten while an evacuation runs: a mark is a new row, so the report can say who
marked whom and when.
"""

from __future__ import annotations

from datetime import datetime
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
from central.evacuation.rules import KINDS, STATES
from central.types import UTCDateTime


class Evacuation(Base):
    """One evacuation of a school, real or a drill. At most one runs at a time."""

    __tablename__ = "evacuations"
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint("started_at <= ended_at", name="times_in_order"),
        CheckConstraint("num_nonnulls(ended_by, ended_at) IN (0, 2)", name="end_whole"),
        Index(
            "uq_evacuations_running",
            "school_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    started_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    note: Mapped[str] = mapped_column(server_default="")


class EvacuationPerson(Base):
    """A student on the list of an evacuation.

    The list is taken at the start, so that leaving by a gate in the confusion removes nobody.
    ``sure`` is false where the gates' clocks or readings leave a doubt. ``added_by`` is who put a
    student on the list whom the gates had not seen.
    """

    __tablename__ = "evacuation_people"
    __table_args__ = (
        ForeignKeyConstraint(
            ["school_id", "evacuation_id"], ["evacuations.school_id", "evacuations.id"]
        ),
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    evacuation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    course_id: Mapped[int] = mapped_column(BigInteger)
    sure: Mapped[bool]
    added_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class EvacuationMark(Base):
    """What somebody said about a student at one moment; of several the latest made counts.

    ``key`` is minted by the phone, so a mark sent twice over a bad network is one row. ``made_at``
    is central's clock minus the mark's age by the phone's own stop-watch: phones' clocks differ.
    """

    __tablename__ = "evacuation_marks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["school_id", "evacuation_id", "student_id"],
            [
                "evacuation_people.school_id",
                "evacuation_people.evacuation_id",
                "evacuation_people.student_id",
            ],
        ),
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        UniqueConstraint("school_id", "evacuation_id", "key"),
        Index("ix_evacuation_marks_latest", "school_id", "evacuation_id", "student_id", "made_at"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    evacuation_id: Mapped[int] = mapped_column(BigInteger)
    student_id: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[UUID]
    state: Mapped[str]
    marked_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    received_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())


class EvacuationStaff(Base):
    """Who looks after a course in an evacuation."""

    __tablename__ = "evacuation_staff"
    __table_args__ = (
        ForeignKeyConstraint(
            ["school_id", "evacuation_id"], ["evacuations.school_id", "evacuations.id"]
        ),
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    evacuation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    course_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    assigned_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    assigned_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())


class EvacuationOpener(Base):
    """The public half of what opens a gate's sealed list: the school's PIN, or a staff card.

    The private half is derived from the PIN's digits, or from the card's token, where the list is
    opened. Neither is kept here nor on any gate, so a copy of either opens nothing.
    """

    __tablename__ = "evacuation_openers"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "card_id"], ["cards.school_id", "cards.id"]),
        CheckConstraint("length(public_key) = 32", name="public_key_length"),
        CheckConstraint("length(salt) = 16", name="salt_length"),
        CheckConstraint("num_nonnulls(card_id, salt) = 1", name="pin_or_card"),
        Index(
            "uq_evacuation_openers_pin",
            "school_id",
            unique=True,
            postgresql_where=text("salt IS NOT NULL AND revoked_at IS NULL"),
        ),
        Index(
            "uq_evacuation_openers_card",
            "school_id",
            "card_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    card_id: Mapped[int | None] = mapped_column(BigInteger)
    salt: Mapped[bytes | None]  # of the PIN
    public_key: Mapped[bytes]
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
