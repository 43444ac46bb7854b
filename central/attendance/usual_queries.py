"""The earlier days that a board compares today with. Slow to read and settled, so cache them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    Row,
    and_,
    cast,
    column,
    exists,
    func,
    select,
    values,
)
from sqlalchemy.orm import Session

from central.attendance.board_queries import Courses, day_of, enrolled, taught, was_late
from central.attendance.board_rules import (
    USUAL_DAYS,
    DayCourse,
    changes,
    same_weekdays_before,
    second_of_day,
)
from central.attendance.models import AttendanceDay, Tap
from central.attendance.passage_rules import DayTap
from central.calendar.queries import hours_on_dates
from central.calendar.rules import Hours, NoClass
from central.people.models import Student

# Passages of which a day's row holds the times, as first entry and last exit. Taps are ten times
# as many rows, so only those of longer days are read.
TOLD_BY_THE_DAY = 2


def usual_days(
    session: Session, school_id: int, on_date: date, zone: ZoneInfo, courses: Courses = None
) -> list[DayCourse]:
    """How the last same weekdays went on which somebody came; empty for a new school."""
    dates = _dates_with_school(session, school_id, on_date)
    hours = hours_on_dates(session, school_id, dates)
    expected = {day: _expected(session, school_id, day, hours[day], courses) for day in dates}
    seen = _seen(session, school_id, dates, courses)
    taps = _taps_of(session, school_id, [row for rows in seen.values() for row in rows if row.long])
    return [_day_course(expected[day], seen.get(day, ()), taps.get(day, ()), zone) for day in dates]


def _dates_with_school(session: Session, school_id: int, on_date: date) -> list[date]:
    dates = (
        values(column("on_date", Date), name="dates")
        .data([(day,) for day in same_weekdays_before(on_date)])
        .alias()
    )
    somebody_came = exists().where(
        AttendanceDay.school_id == school_id,
        AttendanceDay.on_date == dates.c.on_date,
        AttendanceDay.first_entry_at.is_not(None),
    )
    newest_first = select(dates.c.on_date).where(somebody_came).order_by(dates.c.on_date.desc())
    return list(session.scalars(newest_first.limit(USUAL_DAYS)))


def _expected(
    session: Session,
    school_id: int,
    on_date: date,
    hours: Mapping[int, Hours | NoClass],
    courses: Courses,
) -> int:
    having_class = [course_id for course_id, one in hours.items() if isinstance(one, Hours)]
    return (
        session.scalar(
            select(func.count())
            .select_from(Student)
            .where(
                Student.school_id == school_id,
                Student.course_id.in_(having_class),
                enrolled(on_date),
                taught(courses),
            )
        )
        or 0
    )


def _seen(
    session: Session, school_id: int, dates: Sequence[date], courses: Courses
) -> Mapping[date, Sequence[Row[Any]]]:
    rows = session.execute(
        select(
            *(AttendanceDay.on_date, AttendanceDay.student_id),
            *(AttendanceDay.first_entry_at, AttendanceDay.last_exit_at),
            was_late().label("late"),
            (AttendanceDay.passages > TOLD_BY_THE_DAY).label("long"),
        )
        .join(Student, day_of(Student))
        .where(
            AttendanceDay.school_id == school_id,
            AttendanceDay.on_date.in_(dates),
            AttendanceDay.passages > 0,
            taught(courses),
        )
    )
    return _by_date(rows)


def _taps_of(
    session: Session, school_id: int, days: Sequence[Row[Any]]
) -> Mapping[date, Sequence[Row[Any]]]:
    """The taps of students who came or went more often than their ``days``' rows can tell.

    The days are handed over as values, not joined: on tables without statistics, as after an
    import, PostgreSQL takes everything for one row and joins all with all.
    """
    if not days:
        return {}
    long_days = func.unnest(
        cast([day.on_date for day in days], ARRAY(Date)),
        cast([day.student_id for day in days], ARRAY(BigInteger)),
    ).table_valued(column("on_date", Date), column("student_id", BigInteger))
    one = long_days.render_derived(name="long_days")
    rows = session.execute(
        select(Tap.on_date, Tap.student_id, Tap.tapped_at, Tap.direction, Tap.gate_id).join(
            one,
            and_(
                Tap.school_id == school_id,
                Tap.on_date == one.c.on_date,
                Tap.student_id == one.c.student_id,
                Tap.doubt.is_(None),
            ),
        )
    )
    return _by_date(rows)


def _by_date(rows: Iterable[Any]) -> Mapping[date, Sequence[Row[Any]]]:
    found: dict[date, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.on_date].append(row)
    return found


def _day_course(
    expected: int, seen: Sequence[Row[Any]], taps: Iterable[Row[Any]], zone: ZoneInfo
) -> DayCourse:
    came = [row.first_entry_at for row in seen if row.first_entry_at and not row.long]
    went = [row.last_exit_at for row in seen if not row.long and _left(row)]
    for moment, inside in _changes(taps):
        (came if inside else went).append(moment)
    return DayCourse(
        expected=expected,
        entered=_seconds((row.first_entry_at for row in seen if row.first_entry_at), zone),
        late=_seconds((row.first_entry_at for row in seen if row.late), zone),
        came=_seconds(came, zone),
        went=_seconds(went, zone),
    )


def _left(row: Row[Any]) -> bool:
    """Whether the exit of a day of one or two passages followed an entry."""
    entered, left = row.first_entry_at, row.last_exit_at
    return entered is not None and left is not None and left > entered


def _changes(taps: Iterable[Row[Any]]) -> Iterator[tuple[datetime, bool]]:
    by_student: dict[int, list[DayTap]] = defaultdict(list)
    for row in taps:
        by_student[row.student_id].append(DayTap(row.tapped_at, row.direction, row.gate_id))
    for day in by_student.values():
        yield from changes(day)


def _seconds(moments: Iterable[datetime], zone: ZoneInfo) -> list[int]:
    return sorted(second_of_day(moment, zone) for moment in moments)
