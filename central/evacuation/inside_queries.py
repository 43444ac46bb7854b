"""Who is in the building at this moment, as far as the gates know.

Every function wants a session that has entered the school. Telephone numbers are read by a
function of their own, so that whoever asks for them can be held to record it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, select, true
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay
from central.people.models import Course, Guardian, Student, StudentGuardian
from central.people.queries import folded, has_words

Courses = Collection[int] | None


@dataclass(frozen=True, slots=True)
class Inside:
    """A student who came in and has not left; not ``sure`` when a clock could not be trusted."""

    id: int
    given_names: str
    family_names: str
    course_id: int
    course: str
    since: datetime | None
    sure: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to call about a student."""

    name: str
    relationship: str
    phone: str


def inside_now(
    session: Session,
    school_id: int,
    on_date: date,
    courses: Courses = None,
    *,
    typed: str = "",
) -> list[Inside]:
    """Everybody inside, by course and name; ``typed`` narrows by words of the name."""
    rows = session.execute(
        select(
            *(Student.id, Student.given_names, Student.family_names, Student.course_id),
            Course.name.label("course"),
            AttendanceDay.first_entry_at.label("since"),
            (AttendanceDay.confidence == "sure").label("sure"),
        )
        .join(
            Student,
            and_(
                Student.school_id == AttendanceDay.school_id,
                Student.id == AttendanceDay.student_id,
            ),
        )
        .join(Course, and_(Course.school_id == Student.school_id, Course.id == Student.course_id))
        .where(
            AttendanceDay.school_id == school_id,
            AttendanceDay.on_date == on_date,
            AttendanceDay.inside,
            Student.course_id.in_(courses) if courses is not None else true(),
            has_words(typed, Student.given_names, Student.family_names) if typed else true(),
        )
        .order_by(
            *(Course.position, Course.name),
            *(folded(Student.family_names), folded(Student.given_names), Student.id),
        )
    )
    return [Inside(**row._mapping) for row in rows]


def contacts_of(
    session: Session, school_id: int, student_ids: Sequence[int]
) -> dict[int, list[Contact]]:
    """Whom to call about each student: those who may collect first. Record every use of it."""
    rows = session.execute(
        select(
            StudentGuardian.student_id,
            *(Guardian.full_name, StudentGuardian.relationship, Guardian.phone),
        )
        .join(
            Guardian,
            and_(
                Guardian.school_id == StudentGuardian.school_id,
                Guardian.id == StudentGuardian.guardian_id,
            ),
        )
        .where(
            StudentGuardian.school_id == school_id,
            StudentGuardian.student_id.in_(student_ids),
            StudentGuardian.may_see,
            Guardian.phone.is_not(None),
        )
        .order_by(
            StudentGuardian.student_id, StudentGuardian.may_collect.desc(), Guardian.full_name
        )
    )
    found: dict[int, list[Contact]] = defaultdict(list)
    for student_id, name, relationship, phone in rows:
        found[student_id].append(Contact(name, relationship, phone or ""))
    return found
