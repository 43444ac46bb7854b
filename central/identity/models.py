"""Who signs for gates, what was signed, and the codes for which a gate is signed for first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime

_OF_DEVICE: Any = (["school_id", "device_id"], ["devices.school_id", "devices.id"])


class Authority(Base):
    """One life of the private certificate authority; the installation has one for all schools.

    ``next`` is trusted already and signs nothing yet, ``current`` signs, ``old`` is still trusted,
    ``retired`` no longer. The private key is sealed (``sealing.py``).
    """

    __tablename__ = "authorities"
    __table_args__ = (
        CheckConstraint("state IN ('next', 'current', 'old', 'retired')", name="state_known"),
        Index(
            "uq_authorities_current",
            "state",
            unique=True,
            postgresql_where=text("state = 'current'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    state: Mapped[str]
    certificate: Mapped[bytes]  # X.509, DER
    sealed_key: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # of its last revocation list: a list that is not newer than the last one counts for nothing
    listed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Certificate(Base):
    """A certificate that a device was given. ``revoked_at``: another one took its place.

    Those of a device that is revoked are refused as well, without a note here, so that they are
    good again if the revocation is undone.
    """

    __tablename__ = "certificates"
    __table_args__ = (
        ForeignKeyConstraint(*_OF_DEVICE),
        UniqueConstraint("serial"),
        CheckConstraint("serial ~ '^[0-9a-f]{1,40}$'", name="serial_form"),
        Index("ix_certificates_device", "school_id", "device_id", "issued_at"),
        Index(
            "ix_certificates_refused",
            "school_id",
            "expires_at",
            postgresql_where=text("revoked_at IS NOT NULL"),
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    serial: Mapped[str] = mapped_column(primary_key=True)  # hex
    device_id: Mapped[str]
    authority_id: Mapped[int] = mapped_column(ForeignKey("authorities.id"))
    issued_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class EnrolmentCode(Base):
    """Lets one device in, once. Only its SHA-256 is kept; ``used_at`` also if it was withdrawn."""

    __tablename__ = "enrolment_codes"
    __table_args__ = (
        ForeignKeyConstraint(*_OF_DEVICE),
        UniqueConstraint("digest"),
        CheckConstraint("length(digest) = 32", name="digest_length"),
        Index("ix_enrolment_codes_device", "school_id", "device_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    device_id: Mapped[str]
    digest: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
