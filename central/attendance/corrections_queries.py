"""What was corrected or entered by hand, by whom and why; and what waits for a second person."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.orm import Session, aliased

from central.accounts.models import User
from central.attendance.manual_models import ManualEntry
from central.attendance.models import DayClosing, DayCorrection
from central.people.models import Course, Student


@dataclass(frozen=True, slots=True)
class DayOf:
    """Narrows a list to one student, one date, or both."""

    student_id: int | None = None
    on_date: date | None = None


@dataclass(frozen=True, slots=True)
class CorrectionListed:
    """``status`` and ``minutes_late`` of a ``set_status``, ``stream_id`` and ``seq`` of an
    ``ignore_tap`` or ``restore_tap``."""

    id: int
    student_id: int
    given_names: str
    family_names: str
    course: str
    on_date: date
    kind: str
    status: str | None
    minutes_late: int | None
    stream_id: int | None
    seq: int | None
    reason: str
    author_id: int
    author: str
    created_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str | None


@dataclass(frozen=True, slots=True)
class ManualListed:
    """A passage made by staff. ``stream_id`` and ``seq`` name its tap, once it counts."""

    id: int
    student_id: int
    given_names: str
    family_names: str
    course: str
    on_date: date
    direction: str
    at: datetime
    stream_id: int | None
    seq: int | None
    reason: str
    author_id: int
    author: str
    created_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str | None


def is_closed(session: Session, school_id: int, on_date: date) -> bool:
    """Whether the day is closed, so that a second person must confirm what changes it."""
    closed = select(DayClosing.on_date).where(
        DayClosing.school_id == school_id, DayClosing.on_date == on_date
    )
    return session.scalar(closed) is not None


def corrections_after(
    session: Session,
    school_id: int,
    after: int,
    limit: int,
    *,
    state: str | None = None,
    of: DayOf = DayOf(),
) -> list[CorrectionListed]:
    """At most ``limit`` corrections with an id above ``after``, by id."""
    query = _narrowed(_corrections(school_id), DayCorrection, state, of)
    query = query.where(DayCorrection.id > after).order_by(DayCorrection.id).limit(limit)
    return [CorrectionListed(**row._mapping) for row in session.execute(query)]


def manual_after(
    session: Session,
    school_id: int,
    after: int,
    limit: int,
    *,
    state: str | None = None,
    of: DayOf = DayOf(),
) -> list[ManualListed]:
    """At most ``limit`` passages made by staff with an id above ``after``, by id."""
    query = _narrowed(_manual(school_id), ManualEntry, state, of)
    query = query.where(ManualEntry.id > after).order_by(ManualEntry.id).limit(limit)
    return [ManualListed(**row._mapping) for row in session.execute(query)]


def corrections_decided(session: Session, school_id: int, limit: int) -> list[CorrectionListed]:
    """The newest corrections that nobody needs to decide any more, newest first."""
    query = _corrections(school_id).where(DayCorrection.state != "proposed")
    query = query.order_by(DayCorrection.id.desc()).limit(limit)
    return [CorrectionListed(**row._mapping) for row in session.execute(query)]


def manual_decided(session: Session, school_id: int, limit: int) -> list[ManualListed]:
    """The newest passages made by staff that count or were rejected, newest first."""
    query = _manual(school_id).where(ManualEntry.state != "proposed")
    query = query.order_by(ManualEntry.id.desc()).limit(limit)
    return [ManualListed(**row._mapping) for row in session.execute(query)]


def corrections_of_ids(
    session: Session, school_id: int, ids: Collection[int]
) -> list[CorrectionListed]:
    rows = session.execute(_corrections(school_id).where(DayCorrection.id.in_(ids)))
    return [CorrectionListed(**row._mapping) for row in rows]


def manual_of_ids(session: Session, school_id: int, ids: Collection[int]) -> list[ManualListed]:
    rows = session.execute(_manual(school_id).where(ManualEntry.id.in_(ids)))
    return [ManualListed(**row._mapping) for row in rows]


def one_correction(session: Session, school_id: int, correction_id: int) -> CorrectionListed | None:
    row = session.execute(
        _corrections(school_id).where(DayCorrection.id == correction_id)
    ).one_or_none()
    return None if row is None else CorrectionListed(**row._mapping)


def one_manual(session: Session, school_id: int, entry_id: int) -> ManualListed | None:
    row: Row[Any] | None = session.execute(
        _manual(school_id).where(ManualEntry.id == entry_id)
    ).one_or_none()
    return None if row is None else ManualListed(**row._mapping)


def _corrections(school_id: int) -> Select[Any]:
    one = DayCorrection
    return _signed(
        school_id,
        one,
        *(one.kind, one.status, one.minutes_late, one.stream_id, one.seq),
    )


def _manual(school_id: int) -> Select[Any]:
    one = ManualEntry
    return _signed(school_id, one, *(one.direction, one.at, one.stream_id, one.seq))


def _signed(school_id: int, one: Any, *content: Any) -> Select[Any]:
    """What every signed row has: whose, when, why, by whom, and the second person's word."""
    author, decider = aliased(User), aliased(User)
    return (
        select(
            *(one.id, one.student_id, Student.given_names, Student.family_names),
            *(Course.name.label("course"), one.on_date, *content, one.reason),
            *(one.author_id, author.full_name.label("author"), one.created_at, one.state),
            *(decider.full_name.label("decided_by"), one.decided_at, one.decision_note),
        )
        .join(Student, and_(Student.school_id == one.school_id, Student.id == one.student_id))
        .join(Course, and_(Course.school_id == Student.school_id, Course.id == Student.course_id))
        .join(author, author.id == one.author_id)
        .outerjoin(decider, decider.id == one.decided_by)
        .where(one.school_id == school_id)
    )


def _narrowed(query: Select[Any], one: Any, state: str | None, of: DayOf) -> Select[Any]:
    chosen = {one.state: state, one.student_id: of.student_id, one.on_date: of.on_date}
    for column, value in chosen.items():
        if value is not None:
            query = query.where(column == value)
    return query
