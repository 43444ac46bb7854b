"""Evacuations as pages show them. Every function wants a session that has entered the school."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, func, select, text, true
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.selectable import LateralFromClause

from central.accounts.models import Membership, User
from central.accounts.rules import PERMISSIONS
from central.errors import NotFound
from central.evacuation.models import (
    Evacuation,
    EvacuationMark,
    EvacuationPerson,
    EvacuationStaff,
)
from central.evacuation.rules import UNMARKED, Counts, counts_of
from central.people.models import Course, Student
from central.people.queries import folded

_HISTORY: Final = 50


@dataclass(frozen=True, slots=True)
class EvacuationSeen:
    id: int
    kind: str
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    ended_by: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Evacuee:
    """A student on the list with the mark that counts. ``added`` were not seen by the gates."""

    id: int
    given_names: str
    family_names: str
    course_id: int
    course: str
    sure: bool
    added: bool
    state: str
    marked_by: str | None
    marked_at: datetime | None


@dataclass(frozen=True, slots=True)
class CourseStands:
    """One course of an evacuation: who looks after it, and how many of its students are what."""

    id: int
    name: str
    staff_id: int | None
    staff: str | None
    counts: Counts
    people: Sequence[Evacuee]


@dataclass(frozen=True, slots=True)
class StaffMember:
    id: int
    full_name: str


@dataclass(frozen=True, slots=True)
class Marker:
    """How many marks somebody made, the first and the last of them."""

    full_name: str
    marks: int
    first_at: datetime
    last_at: datetime


def running(session: Session, school_id: int) -> EvacuationSeen | None:
    """The evacuation that has not ended, if there is one."""
    row = session.execute(
        _seen().where(Evacuation.school_id == school_id, Evacuation.ended_at.is_(None))
    ).one_or_none()
    return None if row is None else EvacuationSeen(**row._mapping)


def one_evacuation(session: Session, school_id: int, evacuation_id: int) -> EvacuationSeen:
    """Raises NotFound."""
    row = session.execute(
        _seen().where(Evacuation.school_id == school_id, Evacuation.id == evacuation_id)
    ).one_or_none()
    if row is None:
        raise NotFound("no such evacuation")
    return EvacuationSeen(**row._mapping)


def past_evacuations(session: Session, school_id: int) -> list[EvacuationSeen]:
    """Those that have ended, the newest first."""
    rows = session.execute(
        _seen()
        .where(Evacuation.school_id == school_id, Evacuation.ended_at.is_not(None))
        .order_by(Evacuation.id.desc())
        .limit(_HISTORY)
    )
    return [EvacuationSeen(**row._mapping) for row in rows]


def evacuations_after(
    session: Session, school_id: int, after: int, limit: int
) -> list[EvacuationSeen]:
    """At most ``limit`` evacuations with an id above ``after``, by id."""
    rows = session.execute(
        _seen()
        .where(Evacuation.school_id == school_id, Evacuation.id > after)
        .order_by(Evacuation.id)
        .limit(limit)
    )
    return [EvacuationSeen(**row._mapping) for row in rows]


def _seen() -> Any:
    starter, ender = aliased(User), aliased(User)
    return (
        select(
            *(Evacuation.id, Evacuation.kind, Evacuation.started_at),
            starter.full_name.label("started_by"),
            Evacuation.ended_at,
            ender.full_name.label("ended_by"),
            Evacuation.note,
        )
        .join(starter, starter.id == Evacuation.started_by)
        .outerjoin(ender, ender.id == Evacuation.ended_by)
    )


def evacuees(session: Session, school_id: int, evacuation_id: int) -> list[Evacuee]:
    """Everybody on the list, by course and name."""
    latest = _latest_mark()
    rows = session.execute(
        select(
            *(Student.id, Student.given_names, Student.family_names),
            *(EvacuationPerson.course_id, Course.name.label("course"), EvacuationPerson.sure),
            EvacuationPerson.added_by.is_not(None).label("added"),
            func.coalesce(latest.c.state, UNMARKED).label("state"),
            latest.c.full_name.label("marked_by"),
            latest.c.made_at.label("marked_at"),
        )
        .select_from(EvacuationPerson)
        .join(Student, _same(Student.id, EvacuationPerson.student_id, Student))
        .join(Course, _same(Course.id, EvacuationPerson.course_id, Course))
        .outerjoin(latest, true())
        .where(
            EvacuationPerson.school_id == school_id,
            EvacuationPerson.evacuation_id == evacuation_id,
        )
        .order_by(
            *(Course.position, Course.name),
            *(folded(Student.family_names), folded(Student.given_names), Student.id),
        )
    )
    return [_evacuee(row) for row in rows]


def _latest_mark() -> LateralFromClause:
    """What was said last of a person on the list."""
    return (
        select(EvacuationMark.state, EvacuationMark.made_at, User.full_name)
        .join(User, User.id == EvacuationMark.marked_by)
        .where(
            EvacuationMark.school_id == EvacuationPerson.school_id,
            EvacuationMark.evacuation_id == EvacuationPerson.evacuation_id,
            EvacuationMark.student_id == EvacuationPerson.student_id,
        )
        .order_by(EvacuationMark.made_at.desc(), EvacuationMark.id.desc())
        .limit(1)
        .lateral()
    )


def _same(key: Any, other: Any, table: Any) -> Any:
    return and_(table.school_id == EvacuationPerson.school_id, key == other)


def _evacuee(row: Row[Any]) -> Evacuee:
    return Evacuee(**row._mapping)


def by_course(
    session: Session, school_id: int, evacuation_id: int, people: Sequence[Evacuee]
) -> list[CourseStands]:
    """``people`` of one evacuation by course, in their order, with who looks after each."""
    rows = session.execute(
        select(EvacuationStaff.course_id, User.id, User.full_name)
        .join(User, User.id == EvacuationStaff.user_id)
        .where(
            EvacuationStaff.school_id == school_id,
            EvacuationStaff.evacuation_id == evacuation_id,
        )
    )
    staff = {row.course_id: row for row in rows}
    grouped: dict[tuple[int, str], list[Evacuee]] = {}
    for person in people:
        grouped.setdefault((person.course_id, person.course), []).append(person)
    return [
        CourseStands(
            id=course_id,
            name=name,
            staff_id=staff[course_id].id if course_id in staff else None,
            staff=staff[course_id].full_name if course_id in staff else None,
            counts=counts_of(person.state for person in members),
            people=members,
        )
        for (course_id, name), members in grouped.items()
    ]


def staff_members(session: Session, school_id: int) -> list[StaffMember]:
    """Who can be given a course: everybody who may mark."""
    roles = PERMISSIONS["mark_evacuation"]
    rows = session.execute(
        select(User.id, User.full_name)
        .join(Membership, Membership.user_id == User.id)
        .where(
            Membership.school_id == school_id,
            Membership.role.in_(roles),
            User.disabled_at.is_(None),
        )
        .distinct()
        .order_by(User.full_name, User.id)
    )
    return [StaffMember(*row) for row in rows]


def markers(session: Session, school_id: int, evacuation_id: int) -> list[Marker]:
    """Who marked how much, whoever began first on top."""
    rows = session.execute(
        select(
            User.full_name,
            func.count(),
            func.min(EvacuationMark.made_at),
            func.max(EvacuationMark.made_at),
        )
        .join(User, User.id == EvacuationMark.marked_by)
        .where(EvacuationMark.school_id == school_id, EvacuationMark.evacuation_id == evacuation_id)
        .group_by(User.id, User.full_name)
        .order_by(func.min(EvacuationMark.made_at))
    )
    return [Marker(*row) for row in rows]


_ALL_SAFE: Final = text("""
    SELECT max(first_safe) FROM (
        SELECT p.student_id, min(m.made_at) FILTER (WHERE m.state = 'safe') AS first_safe
        FROM evacuation_people p
        LEFT JOIN evacuation_marks m ON m.school_id = p.school_id
            AND m.evacuation_id = p.evacuation_id AND m.student_id = p.student_id
        WHERE p.school_id = :school_id AND p.evacuation_id = :evacuation_id
        GROUP BY p.student_id
    ) found HAVING bool_and(first_safe IS NOT NULL)
""")


def all_safe_at(session: Session, school_id: int, evacuation_id: int) -> datetime | None:
    """When the last student was first marked safe; None while somebody never was."""
    values = {"school_id": school_id, "evacuation_id": evacuation_id}
    found: datetime | None = session.scalar(_ALL_SAFE, values)
    return found
