"""Students as they stand at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Row, and_, case, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement, TableValuedAlias

from central.attendance.board_queries import (
    Courses,
    class_hours,
    enrolled,
    own_day,
    taught,
    was_late,
)
from central.attendance.models import AttendanceDay
from central.calendar.queries import hours_on
from central.people.models import Course, Student
from central.people.name_rules import fold
from central.people.queries import folded, has_words

# What lists can be narrowed to. They overlap as the board's figures do: who came late is inside
# too, until they leave.
GROUPS: Final = ("missing", "late", "inside", "left", "justified", "no_class")


@dataclass(frozen=True, slots=True)
class StudentNow:
    """A student's state, with the time that goes with it: of the entry, or of the exit.

    ``state`` is one of ``GROUPS``, ``late`` meaning inside and late; ``came_late`` holds after
    they have left too.
    """

    id: int
    given_names: str
    family_names: str
    course_id: int
    course: str
    state: str
    at: datetime | None
    came_late: bool
    minutes_late: int

    def belongs_to(self, group: str) -> bool:
        """Whether the student counts in one of ``GROUPS``."""
        if group == "late":
            return self.came_late
        return group == self.state or (group == "inside" and self.state == "late")


def students_found(
    session: Session,
    school_id: int,
    on_date: date,
    typed: str,
    courses: Courses = None,
    *,
    limit: int = 8,
) -> list[StudentNow]:
    """Students whose name or course has every typed word; best matches first."""
    words = fold(typed).split()
    if not words:
        return []
    begins = folded(Student.family_names).startswith(words[0], autoescape=True)
    given = folded(Student.given_names).startswith(words[0], autoescape=True)
    best_first = case((given, 0), (begins, 1), else_=2)
    rows = session.execute(
        _now(session, school_id, on_date, courses)
        .where(has_words(typed, Student.given_names, Student.family_names, Course.name))
        .order_by(best_first, Student.family_names, Student.given_names, Student.id)
        .limit(limit)
    )
    return [_student(row) for row in rows]


def students_today(
    session: Session, school_id: int, on_date: date, courses: Courses = None
) -> list[StudentNow]:
    """Every enrolled student, by course and name."""
    rows = session.execute(
        _now(session, school_id, on_date, courses).order_by(
            *(Course.position, Course.name),
            *(folded(Student.family_names), folded(Student.given_names), Student.id),
        )
    )
    return [_student(row) for row in rows]


def counts_by_group(students: Sequence[StudentNow]) -> dict[str, int]:
    """How many of ``students`` belong to each of ``GROUPS``."""
    return {group: sum(student.belongs_to(group) for student in students) for group in GROUPS}


def _now(session: Session, school_id: int, on_date: date, courses: Courses) -> Any:
    hours = class_hours(hours_on(session, school_id, on_date))
    return (
        select(
            *(Student.id, Student.given_names, Student.family_names, Student.course_id),
            Course.name.label("course"),
            _state(hours).label("state"),
            case(
                (AttendanceDay.inside, AttendanceDay.first_entry_at),
                else_=AttendanceDay.last_exit_at,
            ).label("at"),
            func.coalesce(was_late(), False).label("came_late"),
            func.coalesce(AttendanceDay.minutes_late, 0).label("minutes_late"),
        )
        .join(Course, and_(Course.school_id == Student.school_id, Course.id == Student.course_id))
        .outerjoin(AttendanceDay, own_day(Student, on_date))
        .outerjoin(hours, hours.c.course_id == Student.course_id)
        .where(Student.school_id == school_id, enrolled(on_date), taught(courses))
    )


def _state(hours: TableValuedAlias) -> ColumnElement[str]:
    seen = AttendanceDay.passages > 0
    return case(
        (and_(AttendanceDay.inside, was_late()), "late"),
        (AttendanceDay.inside, "inside"),
        (seen, "left"),
        (AttendanceDay.status == "justified", "justified"),
        (hours.c.starts_at.is_(None), "no_class"),
        else_="missing",
    )


def _student(row: Row[Any]) -> StudentNow:
    return StudentNow(**row._mapping)
