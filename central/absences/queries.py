"""Requests to be excused, as lists and exports show them, and what became of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from central.absences.models import AbsenceEvent, AbsenceRequest
from central.accounts.models import User
from central.people.models import Course, Guardian, Student
from central.people.queries import has_words

PAGE_SIZE: Final = 100
MOST_EXPORTED: Final = 50_000  # rows of one file; a large school has a few thousand a year


@dataclass(frozen=True, slots=True)
class AbsenceFilter:
    """Narrows a list; the dates keep what overlaps them."""

    status: str | None = None
    reason: str | None = None
    course_id: int | None = None
    student_id: int | None = None
    from_on: date | None = None
    until_on: date | None = None
    typed: str = ""


@dataclass(frozen=True, slots=True)
class AbsenceListed:
    """A request with the names that belong to it. Either ``user`` or ``guardian`` asked."""

    id: int
    student_id: int
    given_names: str
    family_names: str
    course_id: int
    course: str
    from_on: date
    until_on: date
    kind: str
    comes_at: time | None
    reason: str
    comment: str
    status: str
    user: str | None
    guardian: str | None
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str | None
    document_key: str | None
    document_name: str | None
    document_type: str | None
    document_bytes: int | None


@dataclass(frozen=True, slots=True)
class EventListed:
    action: str
    person: str
    note: str | None
    at: datetime


def absences_before(
    session: Session,
    school_id: int,
    before: int | None,
    limit: int = PAGE_SIZE,
    *,
    where: AbsenceFilter,
) -> list[AbsenceListed]:
    """At most ``limit`` requests older than the one of id ``before``, newest first."""
    query = _narrowed(_listed(school_id), where)
    if before is not None:
        query = query.where(AbsenceRequest.id < before)
    rows = session.execute(query.order_by(AbsenceRequest.id.desc()).limit(limit))
    return [AbsenceListed(**row._mapping) for row in rows]


def absences_after(
    session: Session, school_id: int, after: int, limit: int, *, where: AbsenceFilter
) -> list[AbsenceListed]:
    """At most ``limit`` requests with an id above ``after``, by id."""
    query = _narrowed(_listed(school_id), where).where(AbsenceRequest.id > after)
    rows = session.execute(query.order_by(AbsenceRequest.id).limit(limit))
    return [AbsenceListed(**row._mapping) for row in rows]


def one_absence(session: Session, school_id: int, request_id: int) -> AbsenceListed | None:
    row = session.execute(_listed(school_id).where(AbsenceRequest.id == request_id)).one_or_none()
    return None if row is None else AbsenceListed(**row._mapping)


def absences_of_ids(session: Session, school_id: int, ids: Collection[int]) -> list[AbsenceListed]:
    rows = session.execute(_listed(school_id).where(AbsenceRequest.id.in_(ids)))
    return [AbsenceListed(**row._mapping) for row in rows]


def absences_on(
    session: Session, school_id: int, student_id: int, on_date: date
) -> list[AbsenceListed]:
    """A student's requests that touch a date, oldest first."""
    where = AbsenceFilter(student_id=student_id, from_on=on_date, until_on=on_date)
    return absences_after(session, school_id, 0, PAGE_SIZE, where=where)


def counts_by_status(session: Session, school_id: int, where: AbsenceFilter) -> dict[str, int]:
    """How many requests match in each state, whatever the state that ``where`` names."""
    query = (
        select(AbsenceRequest.status, func.count().label("number"))
        .join(Student, _is_students())
        .where(AbsenceRequest.school_id == school_id, *_conditions(where))
        .group_by(AbsenceRequest.status)
    )
    return {row.status: row.number for row in session.execute(query)}


def history(session: Session, school_id: int, request_id: int) -> list[EventListed]:
    """What happened to a request and who did it, oldest first."""
    rows = session.execute(
        select(
            AbsenceEvent.action,
            func.coalesce(User.full_name, Guardian.full_name).label("person"),
            *(AbsenceEvent.note, AbsenceEvent.at),
        )
        .outerjoin(User, User.id == AbsenceEvent.user_id)
        .outerjoin(
            Guardian,
            and_(
                Guardian.school_id == AbsenceEvent.school_id,
                Guardian.id == AbsenceEvent.guardian_id,
            ),
        )
        .where(AbsenceEvent.school_id == school_id, AbsenceEvent.request_id == request_id)
        .order_by(AbsenceEvent.id)
    )
    return [EventListed(**row._mapping) for row in rows]


def _listed(school_id: int) -> Select[Any]:
    one, user, decider = AbsenceRequest, aliased(User), aliased(User)
    columns: tuple[Any, ...] = (
        *(one.id, one.student_id, Student.given_names, Student.family_names),
        *(Student.course_id, Course.name.label("course"), one.from_on, one.until_on),
        *(
            one.kind,
            one.comes_at,
            one.reason,
            one.comment,
            one.status,
            user.full_name.label("user"),
        ),
        *(Guardian.full_name.label("guardian"), one.created_at),
        *(decider.full_name.label("decided_by"), one.decided_at, one.decision_note),
        *(one.document_key, one.document_name, one.document_type, one.document_bytes),
    )
    return (
        select(*columns)
        .join(Student, _is_students())
        .join(Course, and_(Course.school_id == Student.school_id, Course.id == Student.course_id))
        .outerjoin(user, user.id == one.requested_by_user)
        .outerjoin(
            Guardian,
            and_(Guardian.school_id == one.school_id, Guardian.id == one.requested_by_guardian),
        )
        .outerjoin(decider, decider.id == one.decided_by)
        .where(one.school_id == school_id)
    )


def _is_students() -> Any:
    return and_(
        Student.school_id == AbsenceRequest.school_id, Student.id == AbsenceRequest.student_id
    )


def _narrowed(query: Select[Any], where: AbsenceFilter) -> Select[Any]:
    query = query.where(*_conditions(where))
    return query if where.status is None else query.where(AbsenceRequest.status == where.status)


def _conditions(where: AbsenceFilter) -> list[Any]:
    chosen = {
        AbsenceRequest.reason: where.reason,
        AbsenceRequest.student_id: where.student_id,
        Student.course_id: where.course_id,
    }
    conditions = [column == value for column, value in chosen.items() if value is not None]
    if where.from_on is not None:
        conditions.append(AbsenceRequest.until_on >= where.from_on)
    if where.until_on is not None:
        conditions.append(AbsenceRequest.from_on <= where.until_on)
    if where.typed:
        conditions.append(has_words(where.typed, Student.given_names, Student.family_names))
    return conditions
