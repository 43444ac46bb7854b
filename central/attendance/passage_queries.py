"""Who went through which gate today: the stream of the board.

What a tap means depends on the student's other taps, so passages are always read for whole groups:
all of a student's taps of the day, or all of an unknown card's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement

from central.attendance.board_queries import Courses, taught
from central.attendance.models import AttendanceDay, Tap
from central.attendance.passage_rules import ENTRY, DayTap, Passage, passages
from central.devices.models import Gate
from central.people.models import Course, Student

# A transaction that began earlier than this has ended. Ids are drawn when a tap is inserted and
# seen when it is committed, so a cursor may only pass over taps that are older.
SETTLED_AFTER = timedelta(seconds=60)

TapKey = tuple[int, int]  # stream, seq


@dataclass(frozen=True, slots=True)
class StudentShown:
    id: int
    given_names: str
    family_names: str
    course_id: int
    course: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """One line of the stream: a student's passage, or a card that named nobody.

    ``kind`` is ``entry``, ``exit`` or ``nobody``. ``minutes_late`` is None unless this is the
    entry that made the student late.
    """

    key: str
    group: str
    kind: str
    reason: str
    at: datetime
    gate: str
    clock: str
    verdict: str
    card_kind: str
    student: StudentShown | None
    minutes_late: int | None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """All sightings of the day of every group touched after a cursor, newest first.

    ``cursor`` is where to go on from. Taps of the last minute lie beyond it and so come again:
    ``taps`` tells which were read, for whoever does not want them twice.
    """

    groups: Mapping[str, Sequence[Sighting]]
    cursor: int
    taps: frozenset[TapKey]


def sightings_today(
    session: Session, school_id: int, on_date: date, courses: Courses = None
) -> list[Sighting]:
    """The whole day so far, newest first."""
    taps = _taps(session, school_id, on_date, courses)
    return sorted(
        (sighting for group in _grouped(taps).values() for sighting in _sightings(group)),
        key=lambda sighting: (sighting.at, sighting.key),
        reverse=True,
    )


def cursor_today(session: Session, school_id: int, on_date: date) -> int:
    """The cursor of a page that shows the whole day as it stands."""
    return _fresh(session, school_id, on_date, after=0).cursor


def arrivals_after(
    session: Session,
    school_id: int,
    on_date: date,
    after: int,
    courses: Courses = None,
    *,
    known: frozenset[TapKey] = frozenset(),
) -> Arrivals:
    """What changed for a page whose cursor is ``after``, leaving out taps that are ``known``."""
    fresh = _fresh(session, school_id, on_date, after)
    unknown = [row for row in fresh.rows if (row.stream_id, row.seq) not in known]
    students = {row.student_id for row in unknown if row.student_id is not None}
    digests = {row.digest for row in unknown if row.student_id is None}
    groups: Mapping[str, Sequence[Sighting]] = {}
    if unknown:
        touched = or_(
            Tap.student_id.in_(students), and_(Tap.student_id.is_(None), Tap.digest.in_(digests))
        )
        taps = _taps(session, school_id, on_date, courses, touched)
        groups = {name: _sightings(group) for name, group in _grouped(taps).items()}
    keys = frozenset((row.stream_id, row.seq) for row in fresh.rows)
    return Arrivals(groups, fresh.cursor, keys)


@dataclass(frozen=True, slots=True)
class _Fresh:
    rows: Sequence[Row[Any]]
    cursor: int


def _fresh(session: Session, school_id: int, on_date: date, after: int) -> _Fresh:
    rows: Sequence[Any] = session.execute(
        select(Tap.id, Tap.stream_id, Tap.seq, Tap.student_id, Tap.digest, Tap.received_at)
        .where(Tap.school_id == school_id, Tap.id > after, Tap.on_date == on_date)
        .order_by(Tap.id)
    ).all()
    newest = max((row.received_at for row in rows), default=None)
    settled = [row.id for row in rows if newest and newest - row.received_at > SETTLED_AFTER]
    return _Fresh(rows, max(settled, default=after))


def _taps(
    session: Session,
    school_id: int,
    on_date: date,
    courses: Courses,
    touched: ColumnElement[bool] | None = None,
) -> Iterable[Row[Any]]:
    statement = (
        select(
            *(Tap.stream_id, Tap.seq, Tap.student_id, Tap.tapped_at, Tap.direction, Tap.gate_id),
            *(Tap.clock, Tap.card_kind, Tap.verdict, Tap.digest, Tap.reader),
            *(Student.given_names, Student.family_names, Student.course_id),
            Course.name.label("course"),
            Gate.name.label("gate"),
            AttendanceDay.minutes_late,
        )
        .join(Gate, and_(Gate.school_id == Tap.school_id, Gate.id == Tap.gate_id))
        .outerjoin(Student, and_(Student.school_id == Tap.school_id, Student.id == Tap.student_id))
        .outerjoin(Course, and_(Course.school_id == Tap.school_id, Course.id == Student.course_id))
        .outerjoin(
            AttendanceDay,
            and_(
                AttendanceDay.school_id == Tap.school_id,
                AttendanceDay.on_date == Tap.on_date,
                AttendanceDay.student_id == Tap.student_id,
            ),
        )
        .where(Tap.school_id == school_id, Tap.on_date == on_date, Tap.doubt.is_(None))
        # a member of staff at the gate is nobody's child; a staff entry has its student
        .where(or_(Tap.student_id.is_not(None), Tap.card_kind != "staff"))
        .where(taught(courses))
    )
    return session.execute(statement if touched is None else statement.where(touched))


def _grouped(taps: Iterable[Row[Any]]) -> Mapping[str, list[Row[Any]]]:
    groups: dict[str, list[Row[Any]]] = defaultdict(list)
    for tap in taps:
        name = f"c{tap.digest.hex()}" if tap.student_id is None else f"s{tap.student_id}"
        groups[name].append(tap)
    return groups


def _sightings(group: Sequence[Row[Any]]) -> list[Sighting]:
    """One student's, or one unknown card's, sightings of the day, newest first."""
    rows = {(row.stream_id, row.seq): row for row in group}
    day = passages(
        DayTap(
            *(row.tapped_at, row.direction, row.gate_id, row.clock, row.card_kind),
            *(row.stream_id, row.seq, row.reader),
        )
        for row in group
    )
    return [
        _sighting(passage, rows[passage.lead.stream_id, passage.lead.seq])
        for passage in reversed(day)
    ]


def _sighting(passage: Passage, row: Row[Any]) -> Sighting:
    student = None
    if row.student_id is not None:
        names = (row.given_names, row.family_names)
        student = StudentShown(row.student_id, *names, row.course_id, row.course)
    made_late = row.minutes_late and passage.kind == ENTRY and passage.ordinal == 1
    return Sighting(
        key=f"{row.stream_id}-{row.seq}",
        group=f"s{student.id}" if student else f"c{row.digest.hex()}",
        kind=passage.kind if student else "nobody",
        reason=passage.reason,
        at=passage.lead.tapped_at,
        gate=row.gate,
        clock=row.clock,
        verdict=row.verdict,
        card_kind=row.card_kind,
        student=student,
        minutes_late=row.minutes_late if made_late else None,
    )
