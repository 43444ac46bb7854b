"""Taps, which are facts, and attendance days, which are concluded from them."""

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

STATUSES = ("present", "late", "absent", "justified", "left_early", "no_class", "no_data")
METHODS = ("taps", "staff", "absence", "correction", "calendar", "closing")


_SECURE = text("counter IS NOT NULL")


class Tap(Base):
    """A card seen by a reader. What the device said is never changed.

    A clock anchor may tell better when a tap of an unsynced clock was: then ``tapped_at``,
    ``on_date`` and ``clock`` are derived, and ``told_at`` and ``told_clock`` what was said.
    ``student_id`` is what the card meant when the tap arrived, None for an unknown card.
    ``direction`` is the policy of the reader or else of the device at that time, from which the
    passage is derived; ``on_date`` is the local date at the school. ``doubt`` is why a secure card
    may not have been there, and then the tap counts for nobody. ``id`` is the order of arrival,
    for feeds.
    """

    __tablename__ = "taps"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "stream_id"], ["streams.school_id", "streams.id"]),
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(["school_id", "gate_id"], ["gates.school_id", "gates.id"]),
        CheckConstraint("seq >= 1", name="seq_from_one"),
        CheckConstraint("direction IN ('in', 'out', 'auto')", name="direction_known"),
        CheckConstraint("clock IN ('synced', 'repaired', 'unsynced')", name="clock_known"),
        CheckConstraint("num_nonnulls(told_at, told_clock) IN (0, 2)", name="told_whole"),
        Index(
            "ix_taps_derived",
            "school_id",
            "stream_id",
            "boot",
            postgresql_where=text("coalesce(told_clock, clock) <> 'synced'"),
        ),
        CheckConstraint("doubt IN ('forged', 'replayed')", name="doubt_known"),
        Index("ix_taps_counter", "school_id", "digest", "counter", postgresql_where=_SECURE),
        Index("ix_taps_card", "school_id", "digest", "tapped_at", postgresql_where=_SECURE),
        Index(
            "ix_taps_doubted",
            "school_id",
            "on_date",
            "digest",
            postgresql_where=text("doubt IS NOT NULL"),
        ),
        Index("ix_taps_day", "school_id", "on_date", "student_id"),
        Index("ix_taps_photo", "school_id", "photo", postgresql_where=text("photo IS NOT NULL")),
        Index("ix_taps_arrival", "school_id", "id"),
    )

    school_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    stream_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    student_id: Mapped[int | None] = mapped_column(BigInteger)
    gate_id: Mapped[int] = mapped_column(BigInteger)
    direction: Mapped[str]
    tapped_at: Mapped[datetime] = mapped_column(UTCDateTime)  # device clock, or by an anchor
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
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    told_clock: Mapped[str | None]
    counter: Mapped[int | None]  # how often the card was read, as a secure one proved
    doubt: Mapped[str | None]


class AttendanceDay(Base):
    """What is concluded about one student on one date: a pure function of the day's facts.

    ``minutes_late`` are those that count, whatever the status: a student who was late may also have
    left early. ``method`` says on what the status rests: ``taps`` of a card, an entry that the
    ``staff`` made, an approved ``absence``, a signed ``correction``, the ``calendar``, or the
    ``closing`` of a day on which nothing was seen. Holds nothing about when or how often it was
    computed, so a rebuild gives the same row.
    """

    __tablename__ = "attendance_days"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        CheckConstraint(f"status IN {STATUSES}", name="status_known"),
        CheckConstraint(f"method IN {METHODS}", name="method_known"),
        CheckConstraint("confidence IN ('sure', 'unsure')", name="confidence_known"),
        CheckConstraint("minutes_late >= 0", name="minutes_late_positive"),
        Index("ix_attendance_days_student", "school_id", "student_id", "on_date"),
        # one day in ten: reports count the plain presences from the key alone
        Index(
            "ix_attendance_days_notable",
            "school_id",
            "on_date",
            "student_id",
            "status",
            postgresql_where=text("status <> 'present'"),
        ),
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
    method: Mapped[str] = mapped_column(server_default="taps")


class DayCorrection(Base):
    """A signed correction of one student's day: another status, or a tap that does not count,
    or counts again.

    Only ``applied`` and ``approved`` ones count; of several the later. A row is never changed but
    for the decision about it. There is no foreign key to the tap, since taps are kept for less
    time than corrections.
    """

    __tablename__ = "day_corrections"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        CheckConstraint("kind IN ('set_status', 'ignore_tap', 'restore_tap')", name="kind_known"),
        CheckConstraint(f"status IN {STATUSES}", name="status_known"),
        CheckConstraint(
            "state IN ('applied', 'proposed', 'approved', 'rejected')", name="state_known"
        ),
        CheckConstraint("minutes_late >= 0", name="minutes_late_positive"),
        CheckConstraint(
            "CASE kind WHEN 'set_status' THEN status IS NOT NULL"
            " AND num_nonnulls(stream_id, seq) = 0"
            " ELSE num_nonnulls(stream_id, seq) = 2"
            " AND num_nonnulls(status, minutes_late) = 0 END",
            name="content_as_the_kind_needs",
        ),
        CheckConstraint("decided_by <> author_id", name="two_people"),
        CheckConstraint(
            "state NOT IN ('approved', 'rejected') OR decided_at IS NOT NULL",
            name="decision_has_its_time",
        ),
        Index("ix_day_corrections_day", "school_id", "student_id", "on_date"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger)
    on_date: Mapped[date]
    kind: Mapped[str]
    status: Mapped[str | None]
    minutes_late: Mapped[int | None]
    stream_id: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    state: Mapped[str] = mapped_column(server_default="applied")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decision_note: Mapped[str | None]


class DayClosing(Base):
    """A date whose days are concluded for everybody, seen or not. ``closed_by`` None: the system.

    Taps, absences and corrections that come later still change its days.
    """

    __tablename__ = "day_closings"

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    on_date: Mapped[date] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    summary: Mapped[dict[str, Any]] = mapped_column(Json, server_default="{}")
