"""Students who were expected and have not come, the checks that find them, and the policy."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import UTCDateTime

STATES = (
    "held",  # nobody was told: it waits until that is safe, or for a person
    "told",  # every guardian who is to be told was, as far as there is one
    "cleared",  # was held, and turned out to be no absence
    "dismissed",  # was held, and nobody is to be told
)
RESOLUTIONS = (
    "arrived",  # the student was seen after all
    "excused",  # an absence was approved
    "explained",  # the family said why
    "unreached",  # the family could not be reached
    "mistaken",  # the student was there, and no gate saw it
    "other",
)


class AlertPolicy(Base):
    """When and of what a school tells families. One without a row follows the same defaults.

    ``grace_minutes`` None is that of the installation. By default families hear only of what is
    out of the ordinary: a late arrival and an absence. ``tell_entries`` and ``tell_exits`` add
    usual passages, for the guardians who asked for them. With ``ask_first`` no absence is told
    before a person has said so.
    """

    __tablename__ = "alert_policies"
    __table_args__ = (
        CheckConstraint("grace_minutes BETWEEN 0 AND 240", name="grace_sane"),
        CheckConstraint("most_absent_percent BETWEEN 1 AND 100", name="share_sane"),
        CheckConstraint("silent_after_minutes BETWEEN 2 AND 240", name="silence_sane"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    grace_minutes: Mapped[int | None]
    most_absent_percent: Mapped[int] = mapped_column(server_default=text("25"))
    silent_after_minutes: Mapped[int] = mapped_column(server_default=text("10"))
    tell_entries: Mapped[bool] = mapped_column(server_default="false")
    tell_exits: Mapped[bool] = mapped_column(server_default="false")
    tell_late: Mapped[bool] = mapped_column(server_default="true")
    ask_first: Mapped[bool] = mapped_column(server_default="false")


class NoShowCheck(Base):
    """The one look, on a date, for students of the courses that begin at one time.

    ``expected`` counts those who have class then, ``missing`` those who were not there.
    """

    __tablename__ = "no_show_checks"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "task_id"], ["tasks.school_id", "tasks.id"]),
        CheckConstraint("missing BETWEEN 0 AND expected", name="missing_of_expected"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    on_date: Mapped[date] = mapped_column(primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)
    checked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expected: Mapped[int] = mapped_column(server_default=text("0"))
    missing: Mapped[int] = mapped_column(server_default=text("0"))
    task_id: Mapped[int | None] = mapped_column(BigInteger)


class NoShow(Base):
    """A student who had class on a date and had not come when the check looked.

    What became of the alert is ``state``; what became of the student is ``resolution``, by whoever
    found out (``resolved_by`` None: the system). A student has one a day.
    """

    __tablename__ = "no_shows"
    __table_args__ = (
        ForeignKeyConstraint(
            ["school_id", "on_date", "begins_at"],
            ["no_show_checks.school_id", "no_show_checks.on_date", "no_show_checks.begins_at"],
        ),
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint(f"resolution IN {RESOLUTIONS}", name="resolution_known"),
        CheckConstraint("(resolution IS NULL) = (resolved_at IS NULL)", name="resolved_with_time"),
        CheckConstraint("(state = 'told') = (told_at IS NOT NULL)", name="told_with_time"),
        Index("ix_no_shows_student", "school_id", "student_id", "on_date"),
        # a morning rewrites rows: leave room for updates in place
        {"postgresql_with": {"fillfactor": 80}},
    )

    school_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    on_date: Mapped[date] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    course_id: Mapped[int] = mapped_column(BigInteger)
    begins_at: Mapped[datetime] = mapped_column(UTCDateTime)
    found_at: Mapped[datetime] = mapped_column(UTCDateTime)
    state: Mapped[str] = mapped_column(server_default="held")
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    arrived_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # when first seen after all
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str | None]
    resolution: Mapped[str | None]
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
