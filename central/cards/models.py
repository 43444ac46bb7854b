"""What identifies a student, or a member of staff, at a reader."""

from __future__ import annotations

from datetime import datetime

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


class Card(Base):
    """A credential, known by its digest only: the token itself is on the card and nowhere else."""

    __tablename__ = "cards"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        UniqueConstraint("school_id", "digest"),
        CheckConstraint("length(digest) = 16", name="digest_length"),
        CheckConstraint(
            "kind IN ('token', 'sun', 'uid', 'qr', 'staff', 'service')", name="kind_known"
        ),
        CheckConstraint("num_nonnulls(student_id, user_id) = 1", name="one_holder"),
        Index("ix_cards_student", "school_id", "student_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    digest: Mapped[bytes]
    kind: Mapped[str]
    student_id: Mapped[int | None] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # a staff card
    label: Mapped[str] = mapped_column(server_default="")  # printed on the card, for people
    issued_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
