"""Releases, their roll-outs, and how far each device came."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime


class Release(Base):
    """A signed version of the gates' software; the same for every school, so it has none.

    The file is in the store. One that was withdrawn is given to nobody any more.
    """

    __tablename__ = "releases"
    __table_args__ = (
        CheckConstraint("version ~ '^[0-9]+[.][0-9]+[.][0-9]+$'", name="version_form"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_form"),
    )

    version: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    store_key: Mapped[str]
    published_at: Mapped[datetime] = mapped_column(UTCDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Rollout(Base):
    """One version on its way to the gates of one school; one at a time.

    ``reason`` says why it is paused: ``by_hand``, or what a device reported.
    """

    __tablename__ = "rollouts"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'paused', 'stopped', 'done')", name="state_known"),
        Index(
            "uq_rollouts_unfinished",
            "school_id",
            unique=True,
            postgresql_where=text("state IN ('running', 'paused')"),
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    version: Mapped[str] = mapped_column(ForeignKey("releases.version"))
    state: Mapped[str] = mapped_column(server_default="running")
    reason: Mapped[str | None]
    started_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # None: the operator
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)


class RolloutDevice(Base):
    """A device in a roll-out. Its stage opens when the ones before have shown that it works."""

    __tablename__ = "rollout_devices"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "rollout_id"], ["rollouts.school_id", "rollouts.id"]),
        ForeignKeyConstraint(["school_id", "device_id"], ["devices.school_id", "devices.id"]),
        CheckConstraint(
            "state IN ('waiting', 'offered', 'installing', 'active', 'rolled_back', 'refused')",
            name="state_known",
        ),
        Index("ix_rollout_devices_device", "school_id", "device_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    rollout_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="waiting")
    reason: Mapped[str | None]  # a stable code of the device's
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)
