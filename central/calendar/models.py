"""When there is school: the year and its terms, the hours of each course, and the exceptions."""

from __future__ import annotations

from datetime import date, datetime, time

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
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime

KINDS = ("holiday", "suspension", "no_class", "hours", "early_leave", "recovery")

# Compared as ranges of one number each: a plain bigint would need the extension btree_gist.
_OF_ONE_SCHOOL = (text("int8range(school_id, school_id, '[]')"), "=")


class SchoolYear(Base):
    """From the first to the last day of school of one year. A school without any has no bounds."""

    __tablename__ = "school_years"
    __table_args__ = (
        UniqueConstraint("school_id", "year"),
        CheckConstraint("starts_on <= ends_on", name="starts_before_it_ends"),
        ExcludeConstraint(
            _OF_ONE_SCHOOL,
            (text("daterange(starts_on, ends_on, '[]')"), "&&"),
            name="ex_school_years_overlap",
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    year: Mapped[int]
    starts_on: Mapped[date]
    ends_on: Mapped[date]


class Term(Base):
    """A part of a school year. Between the terms of a year there is no school."""

    __tablename__ = "terms"
    __table_args__ = (
        ForeignKeyConstraint(
            ["school_id", "school_year_id"],
            ["school_years.school_id", "school_years.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("starts_on <= ends_on", name="starts_before_it_ends"),
        ExcludeConstraint(
            _OF_ONE_SCHOOL,
            (text("daterange(starts_on, ends_on, '[]')"), "&&"),
            name="ex_terms_overlap",
        ),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    school_year_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]


class CourseSchedule(Base):
    """A course's hours on one weekday from a date on, in the school's own time zone.

    The newest row that has begun counts, so what was true in March stays so after a change in
    August; one without hours says that the course does not come on that weekday any more. Ask
    ``calendar.queries`` for the hours of a date: exceptions count too.
    """

    __tablename__ = "course_schedules"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
        CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday_iso"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("num_nonnulls(starts_at, ends_at) IN (0, 2)", name="hours_whole"),
        CheckConstraint("tolerance_minutes BETWEEN 0 AND 120", name="tolerance_sane"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    course_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)  # ISO: Monday is 1
    from_on: Mapped[date] = mapped_column(primary_key=True, server_default="1900-01-01")
    starts_at: Mapped[time | None]
    ends_at: Mapped[time | None]
    tolerance_minutes: Mapped[int] = mapped_column(server_default="5")


class CalendarException(Base):
    """Other than the week says, on the dates from ``from_on`` to ``until_on``, both included.

    For one course, or with None for the whole school. ``holiday``, ``suspension`` and ``no_class``
    leave the school out; ``hours`` and ``early_leave`` give other times; ``recovery`` makes a day
    without school one with school. A row is never changed, only told of and cancelled.
    """

    __tablename__ = "calendar_exceptions"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint("from_on <= until_on", name="dates_in_order"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint(
            "CASE kind WHEN 'hours' THEN num_nonnulls(starts_at, ends_at) > 0"
            " WHEN 'early_leave' THEN starts_at IS NULL AND ends_at IS NOT NULL"
            " WHEN 'recovery' THEN num_nonnulls(starts_at, ends_at) IN (0, 2)"
            " ELSE num_nonnulls(starts_at, ends_at) = 0 END",
            name="hours_as_the_kind_needs",
        ),
        CheckConstraint(
            "cancelled_by IS NULL OR cancelled_at IS NOT NULL", name="cancelled_by_and_at"
        ),
        CheckConstraint("told_messages >= 0", name="told_messages_counted"),
        Index("ix_calendar_exceptions_dates", "school_id", "until_on", "from_on"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    from_on: Mapped[date]
    until_on: Mapped[date]
    course_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str]
    starts_at: Mapped[time | None]
    ends_at: Mapped[time | None]
    reason: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # None: the system
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    cancelled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancelled_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # when families were told
    told_messages: Mapped[int] = mapped_column(server_default="0")
