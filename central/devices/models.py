"""Gates, the devices at them, the streams of taps they send, and what could not be read."""

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
    func,
    text,
)
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import Json, UTCDateTime


class Gate(Base):
    """A place where students come and go."""

    __tablename__ = "gates"
    __table_args__ = (UniqueConstraint("school_id", "name"),)

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str]


class GateCourse(Base):
    """A gate serves a course. A course without any is served by every gate of the school."""

    __tablename__ = "gate_courses"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "gate_id"], ["gates.school_id", "gates.id"]),
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
        Index("ix_gate_courses_course", "school_id", "course_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    gate_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    course_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class GateOutage(Base):
    """A time of which taps of a gate are missing; until now, while ``until_at`` is None.

    It makes an absence doubtful: who was not seen while students arrive may have come. So one
    whose taps have all arrived afterwards is removed.
    """

    __tablename__ = "gate_outages"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "gate_id"], ["gates.school_id", "gates.id"]),
        CheckConstraint("from_at <= until_at", name="times_in_order"),
        Index("ix_gate_outages_gate", "school_id", "gate_id", "from_at"),
        Index(
            "uq_gate_outages_open",
            "school_id",
            "gate_id",
            unique=True,
            postgresql_where=text("until_at IS NULL"),
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    gate_id: Mapped[int] = mapped_column(BigInteger)
    from_at: Mapped[datetime] = mapped_column(UTCDateTime)
    until_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Device(Base):
    """One sender of taps: a Pi, a web kiosk, the staff desk or an import.

    Its id is the common name of its certificate, unique in the installation. ``session`` is the
    connection that the newest status came from; an older one never overwrites it. ``desired`` is
    the configuration that it should run, ``desired_told`` the version of it and ``roster_told``
    that of the roster which the broker has for it. ``trusted`` is the version of the authorities
    that it is known to hold. A kiosk has no key of its own but a token; its SHA-256 is kept.
    """

    __tablename__ = "devices"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "gate_id"], ["gates.school_id", "gates.id"]),
        UniqueConstraint("id"),
        # the broker gives users whose name begins with central- the rights of central
        CheckConstraint("id ~ '^[a-z0-9-]{3,40}$' AND id !~ '^central-'", name="id_form"),
        CheckConstraint("direction IN ('in', 'out', 'auto')", name="direction_known"),
        CheckConstraint("kind IN ('gate', 'kiosk', 'staff', 'import')", name="kind_known"),
        CheckConstraint("length(public_key) = 91", name="public_key_length"),
        CheckConstraint("length(token_digest) = 32", name="token_digest_length"),
        UniqueConstraint("token_digest"),
        Index("ix_devices_revoked", "id", postgresql_where=text("revoked_at IS NOT NULL")),
        Index("ix_devices_gate", "school_id", "gate_id"),
        Index(
            "ix_devices_untold",
            "school_id",
            postgresql_where=text("desired_told <> desired_version"),
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    gate_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(server_default="gate")
    direction: Mapped[str] = mapped_column(server_default="auto")
    online: Mapped[bool] = mapped_column(server_default="false")
    session: Mapped[int] = mapped_column(BigInteger, server_default="0")
    version: Mapped[str | None]
    status_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # by central's clock: the device's own may be years off
    status_received_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    health_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    backlog: Mapped[int | None]  # taps that it could not get rid of in time, at health_at
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    public_key: Mapped[bytes | None]  # P-256, SubjectPublicKeyInfo in DER: always 91 bytes
    health: Mapped[dict[str, Any] | None] = mapped_column(Json)  # all of its report at health_at
    desired: Mapped[dict[str, Any]] = mapped_column(Json, server_default="{}")
    desired_version: Mapped[int] = mapped_column(BigInteger, server_default="0")
    desired_told: Mapped[int] = mapped_column(BigInteger, server_default="0")
    reported: Mapped[dict[str, Any] | None] = mapped_column(Json)  # as contracts.control.Reported
    reported_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    roster_told: Mapped[str | None]
    trusted: Mapped[str | None]
    token_digest: Mapped[bytes | None]


class Stream(Base):
    """One life of one outbox file.

    ``received`` is the exact set of sequence numbers that central holds (or has quarantined), so
    the mark and every hole are derived from it and can never drift from the taps.
    """

    __tablename__ = "streams"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "device_id"], ["devices.school_id", "devices.id"]),
        UniqueConstraint("school_id", "device_id", "key"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    device_id: Mapped[str]
    key: Mapped[str]  # minted by the device
    received: Mapped[Any] = mapped_column(INT8MULTIRANGE, server_default=text("'{}'"))
    started_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    last_received_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())


class QuarantinedMessage(Base):
    """A message, or one tap of it, that could not be read: kept once, with the reason.

    ``school_id`` is None when the sender is not one of ours, so this table is keyed by id alone.
    """

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_school_id_received_at", "school_id", "received_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    school_id: Mapped[int | None] = mapped_column(ForeignKey("schools.id"))
    fingerprint: Mapped[bytes] = mapped_column(unique=True)  # SHA-256 of topic and content
    topic: Mapped[str]
    device_id: Mapped[str | None]
    reason: Mapped[str]
    payload: Mapped[bytes]  # the beginning of it
    payload_bytes: Mapped[int] = mapped_column(BigInteger)  # its full size
    received_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
