"""Photos that gates took of who tapped, with consent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime

PHOTO_STATES = ("offered", "sent", "kept", "refused")


class Photo(Base):
    """A photo that a device has offered; ``id`` is what its tap names.

    ``offered``: a device was told where to put it. ``sent``: it lies sealed under ``sealed_key``.
    ``kept``: it was opened and lies as a JPEG under ``jpeg_key``. ``refused``: it was not, for
    ``reason``. ``stream_id`` and ``seq`` are its tap, once both are here; ``taken_at`` is the tap's
    time then, and before it that of the offer. A ``withdrawn`` one is shown to nobody and deleted.
    """

    __tablename__ = "photos"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "device_id"], ["devices.school_id", "devices.id"]),
        UniqueConstraint("school_id", "stream_id", "seq"),
        CheckConstraint(f"state IN {PHOTO_STATES}", name="state_known"),
        CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name="refused_for_a_reason"),
        CheckConstraint(
            "state <> 'kept' OR num_nonnulls(jpeg_key, stream_id, seq) = 3", name="kept_whole"
        ),
        CheckConstraint("num_nonnulls(stream_id, seq) IN (0, 2)", name="tap_whole"),
        Index("ix_photos_to_open", "try_at", postgresql_where=text("state = 'sent'")),
        Index(
            "ix_photos_sealed",
            "school_id",
            postgresql_where=text("state IN ('kept', 'refused') AND sealed_key IS NOT NULL"),
        ),
        Index("ix_photos_withdrawn", "school_id", postgresql_where=text("withdrawn")),
        Index("ix_photos_taken", "taken_at"),
        Index("ix_photos_awaited", "taken_at", postgresql_where=text("state <> 'kept'")),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default="offered")
    reason: Mapped[str | None]
    size: Mapped[int]  # bytes, sealed
    sealed_key: Mapped[str | None]
    jpeg_key: Mapped[str | None]
    stream_id: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[int | None] = mapped_column(BigInteger)
    offered_at: Mapped[datetime] = mapped_column(UTCDateTime)
    taken_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    try_at: Mapped[datetime] = mapped_column(UTCDateTime)  # not opened before
    withdrawn: Mapped[bool] = mapped_column(server_default="false")
