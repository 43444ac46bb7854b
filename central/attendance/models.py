"""Taps, which are facts, and attendance days, which are concluded from them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime

STATUSES = ("present", "late", "absent", "justified", "left_early", "no_class", "no_data")


class Tap(Base):
    """A card seen by a reader. Never updated.

    ``student_id`` is what the card meant when the tap arrived, None for an unknown card.
    ``direction`` is the device's policy at that time, from which the passage is derived;
    ``on_date`` is the local date at the school. ``id`` is the order of arrival, for feeds.
    """

    __tablename__ = "taps"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "stream_id"], ["streams.school_id", "streams.id"]),
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(["school_id", "gate_id"], ["gates.school_id", "gates.id"]),
        CheckConstraint("seq >= 1", name="seq_from_one"),
        CheckConstraint("direction IN ('in', 'out', 'auto')", name="direction_known"),
        CheckConstraint("clock IN ('synced', 'repaired', 'unsynced')", name="clock_known"),
        Index("ix_taps_day", "school_id", "on_date", "student_id"),
        Index("ix_taps_arrival", "school_id", "id"),
    )

    school_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    stream_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    student_id: Mapped[int | None] = mapped_column(BigInteger)
    gate_id: Mapped[int] = mapped_column(BigInteger)
    direction: Mapped[str]
    tapped_at: Mapped[datetime] = mapped_column(UTCDateTime)  # device clock
    on_date: Mapped[date]
    clock: Mapped[str]
    boot: Mapped[str]
    up_ms: Mapped[int] = mapped_column(BigInteger)
    reader: Mapped[str]
    card_kind: Mapped[str]
    digest: Mapped[bytes]
    verdict: Mapped[str]  # what the child was answered
    repeats: Mapped[int] = mapped_column(server_default="0")
    photo: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())


class AttendanceDay(Base):
    """What is concluded about one student on one date: a pure function of the day's facts.

    Holds nothing about when or how often it was computed, so a rebuild gives the same row.
    """

    __tablename__ = "attendance_days"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        CheckConstraint(f"status IN {STATUSES}", name="status_known"),
        CheckConstraint("confidence IN ('sure', 'unsure')", name="confidence_known"),
        CheckConstraint("minutes_late >= 0", name="minutes_late_positive"),
        Index("ix_attendance_days_student", "school_id", "student_id", "on_date"),
        # a morning rewrites rows of one date over and over: leave room for updates in place
        {"postgresql_with": {"fillfactor": 70}},
    )

    school_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    on_date: Mapped[date] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    status: Mapped[str]
    first_entry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_exit_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    inside: Mapped[bool]
    minutes_late: Mapped[int] = mapped_column(server_default=text("0"))
    passages: Mapped[int]
    confidence: Mapped[str]
