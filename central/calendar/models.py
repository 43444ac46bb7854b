"""When each course is expected."""

from __future__ import annotations

from datetime import time

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base


class CourseSchedule(Base):
    """A course's hours on one weekday, in the school's own time zone."""

    __tablename__ = "course_schedules"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
        CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday_iso"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("tolerance_minutes BETWEEN 0 AND 120", name="tolerance_sane"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    course_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)  # ISO: Monday is 1
    starts_at: Mapped[time]
    ends_at: Mapped[time]
    tolerance_minutes: Mapped[int] = mapped_column(server_default="5")
