"""A school, and the key under which its cards are digested."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, func
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime


class School(Base):
    """A tenant: every other row belongs to one school and is invisible to the others.

    ``photo_key`` is the X25519 public key to which its gates seal photos; None: they take none.
    """

    __tablename__ = "schools"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9-]{2,40}$'", name="slug_form"),
        CheckConstraint("locale IN ('es', 'en')", name="locale_known"),
        CheckConstraint("length(photo_key) = 32", name="photo_key_length"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    timezone: Mapped[str] = mapped_column(server_default="America/Santiago")  # IANA name
    locale: Mapped[str] = mapped_column(server_default="es")
    # whether a card may be known by its UID alone, which any telephone reads and copies
    uid_cards: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    photo_key: Mapped[bytes | None]


class SiteKey(Base):
    """The secret under which a school's card tokens are digested; readable by few processes."""

    __tablename__ = "site_keys"
    __table_args__ = (CheckConstraint("length(key) = 32", name="key_length"),)

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    key: Mapped[bytes]
