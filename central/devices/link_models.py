"""What central and a device have to say to each other beside taps."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

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
from central.types import Json, UTCDateTime

_OF_DEVICE = (["school_id", "device_id"], ["devices.school_id", "devices.id"])


class ClockAnchor(Base):
    """Where a boot's clock zero lies on the wall clock. Of several the one told latest in the boot.

    It gives a time to the taps of that boot which were made before the device knew the time.
    """

    __tablename__ = "clock_anchors"
    __table_args__ = (
        ForeignKeyConstraint(*_OF_DEVICE),
        # from 1970 to 2200: what a device's clock can mean, and what can be counted with
        CheckConstraint("offset_ms BETWEEN 0 AND 7258118400000", name="offset_sensible"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    boot: Mapped[str] = mapped_column(primary_key=True)
    offset_ms: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UTCDateTime)  # device clock, when it was taken


class DeviceHealth(Base):
    """How a device was, once in a quarter of an hour; kept for a month, for charts.

    The newest report, with every figure, is ``devices.health``.
    """

    __tablename__ = "device_health"
    __table_args__ = (
        ForeignKeyConstraint(*_OF_DEVICE),
        Index("ix_device_health_slot", "slot_at"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    slot_at: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)  # its beginning
    queue_depth: Mapped[int] = mapped_column(BigInteger)  # the most in that time
    oldest_unsent_s: Mapped[int] = mapped_column(BigInteger)  # the most
    disk_free_mb: Mapped[int] = mapped_column(BigInteger)  # the least
    temperature_c: Mapped[int | None]  # the most
    reader_resets: Mapped[int] = mapped_column(BigInteger)  # as counted at the end
    camera_resets: Mapped[int] = mapped_column(BigInteger)
    unsynced: Mapped[bool]  # whether the clock was, at any time


class Command(Base):
    """One order to a device, and what came of it. It waits here until a broker has it.

    Neither answered nor expired, it is on its way. ``error`` is a stable code: the device's, or
    ``expired`` when it was never carried out.
    """

    __tablename__ = "commands"
    __table_args__ = (
        ForeignKeyConstraint(*_OF_DEVICE),
        CheckConstraint(
            "name IN ('identify', 'restart', 'logs', 'sync', 'selftest', 'photo-test')",
            name="name_known",
        ),
        CheckConstraint("num_nonnulls(answered_at, ok) IN (0, 2)", name="answer_whole"),
        Index("ix_commands_device", "school_id", "device_id", "id"),
        Index(
            "ix_commands_waiting",
            "school_id",
            postgresql_where=text("sent_at IS NULL AND answered_at IS NULL"),
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    device_id: Mapped[str]
    name: Mapped[str]
    args: Mapped[dict[str, Any]] = mapped_column(Json, server_default="{}")
    requested_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ok: Mapped[bool | None]
    error: Mapped[str | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)


class RosterState(Base):
    """Whether a school's roster is another than the one last announced to its gates.

    Triggers count ``changes`` of cards and students, so nobody who changes one can forget to. The
    version was computed from a state that had seen ``built_changes`` of them, on ``built_on`` at
    the school (who leaves on a date is off the roster the day after).
    """

    __tablename__ = "rosters"

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    changes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    built_changes: Mapped[int | None] = mapped_column(BigInteger)
    built_on: Mapped[date | None]
    version: Mapped[str | None]
