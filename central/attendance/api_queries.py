"""Taps and attendance days as the API lists them, for a session that has entered the school.

A tap does not say what it meant: whether it was an entry depends on the student's other taps of
that day. So a page of taps is read with the whole days that it touches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, and_, select, tuple_
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay, Tap
from central.attendance.passage_rules import DayTap, Passage, passages
from central.devices.models import Gate, Stream
from central.people.models import Student

Courses = Collection[int] | None
TapKey = tuple[int, int]  # stream, seq


@dataclass(frozen=True, slots=True)
class TapFilter:
    on_date: date | None = None
    student_id: int | None = None
    gate_id: int | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a tap is taken for, and how that is known. ``repeat``: not the first of its passage."""

    direction: str
    reason: str
    ordinal: int
    repeat: bool


@dataclass(frozen=True, slots=True)
class TapListed:
    """``meaning`` is None for a card that named no student."""

    id: int
    stream_id: int
    seq: int
    device_id: str
    student_id: int | None
    gate_id: int
    gate: str
    tapped_at: datetime
    on_date: date
    clock: str
    card_kind: str
    verdict: str
    received_at: datetime
    meaning: Meaning | None


@dataclass(frozen=True, slots=True)
class DayFilter:
    first: date | None = None
    last: date | None = None  # inclusive
    course_id: int | None = None
    student_id: int | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class DayListed:
    """``course_id`` is the student's course of today, not of that date."""

    on_date: date
    student_id: int
    course_id: int
    status: str
    first_entry_at: datetime | None
    last_exit_at: datetime | None
    inside: bool
    minutes_late: int
    passages: int
    confidence: str


def taps_after(
    session: Session,
    school_id: int,
    after: int,
    limit: int,
    *,
    courses: Courses = None,
    where: TapFilter,
) -> list[TapListed]:
    """At most ``limit`` taps with an id above ``after``, in the order in which they arrived.

    ``courses`` are those that the reader may see, None for all, unknown cards included.
    """
    statement = (
        select(
            *(Tap.id, Tap.stream_id, Tap.seq, Stream.device_id, Tap.student_id),
            *(Tap.gate_id, Gate.name.label("gate"), Tap.tapped_at, Tap.on_date),
            *(Tap.clock, Tap.card_kind, Tap.verdict, Tap.received_at),
        )
        .join(Gate, and_(Gate.school_id == Tap.school_id, Gate.id == Tap.gate_id))
        .join(Stream, and_(Stream.school_id == Tap.school_id, Stream.id == Tap.stream_id))
        .where(Tap.school_id == school_id, Tap.id > after)
    )
    if courses is not None:
        own = and_(Student.school_id == Tap.school_id, Student.id == Tap.student_id)
        statement = statement.join(Student, own).where(Student.course_id.in_(courses))
    chosen = {
        Tap.on_date: where.on_date,
        Tap.student_id: where.student_id,
        Tap.gate_id: where.gate_id,
    }
    for column, value in chosen.items():
        if value is not None:
            statement = statement.where(column == value)
    rows = session.execute(statement.order_by(Tap.id).limit(limit)).all()
    meanings = _meanings(session, school_id, rows)
    return [
        TapListed(**row._asdict(), meaning=meanings.get((row.stream_id, row.seq))) for row in rows
    ]


def _meanings(
    session: Session, school_id: int, rows: Iterable[Row[*tuple[Any, ...]]]
) -> Mapping[TapKey, Meaning]:
    touched = {(row.student_id, row.on_date) for row in rows if row.student_id}
    if not touched:
        return {}
    days: dict[tuple[int, date], list[DayTap]] = defaultdict(list)
    for tap in session.execute(
        select(
            *(Tap.student_id, Tap.on_date, Tap.tapped_at, Tap.direction, Tap.gate_id),
            *(Tap.clock, Tap.card_kind, Tap.stream_id, Tap.seq, Tap.reader, Tap.doubt),
        ).where(
            Tap.school_id == school_id,
            Tap.doubt.is_(None),
            tuple_(Tap.student_id, Tap.on_date).in_(sorted(touched)),
        )
    ):
        days[tap.student_id, tap.on_date].append(DayTap._make(tap[2:]))
    return {
        key: meaning
        for day in days.values()
        for passage in passages(day)
        for key, meaning in _meanings_of(passage)
    }


def _meanings_of(passage: Passage) -> Iterator[tuple[TapKey, Meaning]]:
    for position, tap in enumerate(passage.taps):
        meaning = Meaning(passage.kind, passage.reason, passage.ordinal, repeat=position > 0)
        yield (tap.stream_id, tap.seq), meaning


def days_after(
    session: Session,
    school_id: int,
    after: tuple[date, int],
    limit: int,
    *,
    courses: Courses = None,
    where: DayFilter,
) -> list[DayListed]:
    """At most ``limit`` attendance days after that date and student id, in this order."""
    day = AttendanceDay
    statement = (
        select(
            *(day.on_date, day.student_id, Student.course_id, day.status, day.first_entry_at),
            *(day.last_exit_at, day.inside, day.minutes_late, day.passages, day.confidence),
        )
        .join(Student, and_(Student.school_id == day.school_id, Student.id == day.student_id))
        .where(day.school_id == school_id, tuple_(day.on_date, day.student_id) > after)
    )
    if courses is not None:
        statement = statement.where(Student.course_id.in_(courses))
    if where.first is not None:
        statement = statement.where(day.on_date >= where.first)
    if where.last is not None:
        statement = statement.where(day.on_date <= where.last)
    chosen = {
        Student.course_id: where.course_id,
        day.student_id: where.student_id,
        day.status: where.status,
    }
    for column, value in chosen.items():
        if value is not None:
            statement = statement.where(column == value)
    rows = session.execute(statement.order_by(day.on_date, day.student_id).limit(limit))
    return [DayListed(**row._asdict()) for row in rows]
