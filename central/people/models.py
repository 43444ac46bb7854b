"""Students and their courses, guardians and the links between them."""

from __future__ import annotations

from datetime import date, datetime

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


class Course(Base):
    """A class of one school year, such as 3° Básico A."""

    __tablename__ = "courses"
    __table_args__ = (UniqueConstraint("school_id", "year", "name"),)

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    year: Mapped[int]
    name: Mapped[str]
    position: Mapped[int] = mapped_column(server_default="0")  # order on pages, youngest first


class TeacherCourse(Base):
    """A course that a teacher may see."""

    __tablename__ = "teacher_courses"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
        Index("ix_teacher_courses_course", "school_id", "course_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    course_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class Student(Base):
    """A child of the school. ``photo_opt_in`` is the guardians' consent to a photo at the gate."""

    __tablename__ = "students"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
        CheckConstraint("left_on IS NULL OR left_on >= enrolled_on", name="left_after_enrolled"),
        Index("ix_students_course", "school_id", "course_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    course_id: Mapped[int] = mapped_column(BigInteger)
    given_names: Mapped[str]
    family_names: Mapped[str]
    photo_opt_in: Mapped[bool] = mapped_column(server_default="false")
    enrolled_on: Mapped[date]
    left_on: Mapped[date | None]


class Enrolment(Base):
    """A student belongs to a course from one date to another, both included, or until further.

    ``students.course_id`` is the course of the newest one, for pages that look at today.
    """

    __tablename__ = "enrolments"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(["school_id", "course_id"], ["courses.school_id", "courses.id"]),
        CheckConstraint("from_on <= until_on", name="dates_in_order"),
        # as ranges of one number each: a plain bigint would need the extension btree_gist
        ExcludeConstraint(
            (text("int8range(school_id, school_id, '[]')"), "="),
            (text("int8range(student_id, student_id, '[]')"), "="),
            (text("daterange(from_on, until_on, '[]')"), "&&"),
            name="ex_enrolments_overlap",
        ),
        Index("ix_enrolments_student", "school_id", "student_id", "from_on"),
        Index("ix_enrolments_course", "school_id", "course_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger)
    course_id: Mapped[int] = mapped_column(BigInteger)
    from_on: Mapped[date]
    until_on: Mapped[date | None]


class Guardian(Base):
    """A person who is told about, or may collect, a student."""

    __tablename__ = "guardians"
    __table_args__ = (
        CheckConstraint(r"phone ~ '^\+[1-9][0-9]{7,14}$'", name="phone_e164"),
        CheckConstraint("locale IN ('es', 'en')", name="locale_known"),
        Index("ix_guardians_phone", "school_id", "phone"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    full_name: Mapped[str]
    phone: Mapped[str | None]  # E.164
    email: Mapped[str | None]
    locale: Mapped[str] = mapped_column(server_default="es")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # asked for no more messages
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())


class StudentGuardian(Base):
    """How a guardian stands to a student. To see, to be told and to collect are separate rights."""

    __tablename__ = "student_guardians"
    __table_args__ = (
        ForeignKeyConstraint(["school_id", "student_id"], ["students.school_id", "students.id"]),
        ForeignKeyConstraint(["school_id", "guardian_id"], ["guardians.school_id", "guardians.id"]),
        Index("ix_student_guardians_guardian", "school_id", "guardian_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    guardian_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    relationship: Mapped[str]  # mother, father, grandparent, … a code of the interface
    notify_entry: Mapped[bool] = mapped_column(server_default="false")
    notify_exit: Mapped[bool] = mapped_column(server_default="false")
    notify_absence: Mapped[bool] = mapped_column(server_default="true")  # and what else is unusual
    may_see: Mapped[bool] = mapped_column(server_default="true")
    may_collect: Mapped[bool] = mapped_column(server_default="true")
