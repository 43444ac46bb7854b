"""The calendar's rows as pages and programs list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final, NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.calendar.models import CalendarException, CourseSchedule, SchoolYear, Term
from central.calendar.rules import Span
from central.errors import NotFound

# Rows that were made together, one a course, are one exception to people.
_COLUMNS: Final = """
    SELECT min(x.id) AS id, array_agg(x.id ORDER BY c.position, c.name) AS ids,
        x.kind, x.from_on, x.until_on, x.starts_at, x.ends_at, x.reason,
        array_remove(array_agg(c.id ORDER BY c.position, c.name), NULL) AS course_ids,
        array_remove(array_agg(c.name ORDER BY c.position, c.name), NULL) AS courses,
        a.full_name AS author, x.created_at, x.cancelled_at, k.full_name AS cancelled_by,
        min(x.told_at) AS told_at, coalesce(sum(x.told_messages), 0)::integer AS told_messages
    FROM calendar_exceptions x
    LEFT JOIN courses c ON c.school_id = x.school_id AND c.id = x.course_id
    LEFT JOIN users a ON a.id = x.author_id
    LEFT JOIN users k ON k.id = x.cancelled_by
"""
_TOGETHER: Final = """
    GROUP BY x.kind, x.from_on, x.until_on, x.starts_at, x.ends_at, x.reason, x.author_id,
        a.full_name, x.created_at, x.cancelled_at, k.full_name, x.course_id IS NULL
"""
_WITHIN: Final = text(f"""
    {_COLUMNS}
    WHERE x.school_id = :school_id AND x.from_on <= :until_on AND x.until_on >= :from_on
    {_TOGETHER}
    ORDER BY x.from_on, x.until_on, min(x.id)
""")
# Of what was made at the same moment, that which this row belongs to.
_ONE: Final = text(f"""
    {_COLUMNS}
    WHERE x.school_id = :school_id AND x.created_at = (
        SELECT created_at FROM calendar_exceptions
        WHERE school_id = :school_id AND id = :exception_id)
    {_TOGETHER}
    HAVING CAST(:exception_id AS bigint) = ANY (array_agg(x.id))
""")  # noqa: S608  (fixed parts of this file)


@dataclass(frozen=True, slots=True)
class ExceptionListed:
    """What people call one exception: the rows ``ids``, made together for ``courses``.

    No ``courses`` is the whole school; no ``author`` the system. ``told_messages`` were queued to
    families at ``told_at``.
    """

    id: int
    ids: Sequence[int]
    kind: str
    from_on: date
    until_on: date
    starts_at: time | None
    ends_at: time | None
    reason: str
    course_ids: Sequence[int]
    courses: Sequence[str]
    author: str | None
    created_at: datetime
    cancelled_at: datetime | None
    cancelled_by: str | None
    told_at: datetime | None
    told_messages: int

    def state(self, today: date) -> str:
        """``coming``, which a running one is too, ``past`` or ``cancelled``."""
        if self.cancelled_at is not None:
            return "cancelled"
        return "past" if self.until_on < today else "coming"


class TermListed(NamedTuple):
    name: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class YearListed:
    year: int
    starts_on: date
    ends_on: date
    terms: tuple[TermListed, ...]


class WeekdayListed(NamedTuple):
    """Hours of a course on an ISO weekday from a date on; without times it does not come."""

    course_id: int
    weekday: int
    from_on: date
    starts_at: time | None
    ends_at: time | None
    tolerance_minutes: int


def exceptions_within(session: Session, school_id: int, span: Span) -> list[ExceptionListed]:
    """Exceptions that touch a span, cancelled ones too, by date."""
    values = {"school_id": school_id, "from_on": span.starts_on, "until_on": span.ends_on}
    return [ExceptionListed(*row) for row in session.execute(_WITHIN, values)]


def exception_listed(session: Session, school_id: int, exception_id: int) -> ExceptionListed | None:
    """The exception to which the row of this id belongs."""
    values = {"school_id": school_id, "exception_id": exception_id}
    row = session.execute(_ONE, values).one_or_none()
    return None if row is None else ExceptionListed(*row)


def exceptions_after(
    session: Session, school_id: int, after: int, limit: int, where: Mapping[str, Any]
) -> list[CalendarException]:
    """Rows by id, for programs; ``where`` may say ``from_on``, ``until_on`` and ``course_id``."""
    one = CalendarException
    statement = select(one).where(one.school_id == school_id, one.id > after)
    if where.get("from_on") is not None:
        statement = statement.where(one.until_on >= where["from_on"])
    if where.get("until_on") is not None:
        statement = statement.where(one.from_on <= where["until_on"])
    if where.get("course_id") is not None:
        statement = statement.where(
            (one.course_id == where["course_id"]) | (one.course_id.is_(None))
        )
    return list(session.scalars(statement.order_by(one.id).limit(limit)))


def exception_row(session: Session, school_id: int, exception_id: int) -> CalendarException:
    """One of these rows. Raises NotFound."""
    found = session.get(CalendarException, (school_id, exception_id))
    if found is None:
        raise NotFound("no such exception")
    return found


def years_listed(session: Session, school_id: int) -> list[YearListed]:
    """The school years with their terms, the newest first."""
    terms: dict[int, list[TermListed]] = {}
    for term in session.scalars(
        select(Term).where(Term.school_id == school_id).order_by(Term.starts_on)
    ):
        one = TermListed(term.name, term.starts_on, term.ends_on)
        terms.setdefault(term.school_year_id, []).append(one)
    years = session.scalars(
        select(SchoolYear)
        .where(SchoolYear.school_id == school_id)
        .order_by(SchoolYear.starts_on.desc())
    )
    return [
        YearListed(year.year, year.starts_on, year.ends_on, tuple(terms.get(year.id, ())))
        for year in years
    ]


def weekdays_listed(
    session: Session, school_id: int, course_id: int | None = None
) -> list[WeekdayListed]:
    """Every row of weekly hours, past and coming ones too; of one course or of all."""
    one = CourseSchedule
    statement = select(
        one.course_id,
        one.weekday,
        one.from_on,
        one.starts_at,
        one.ends_at,
        one.tolerance_minutes,
    ).where(one.school_id == school_id)
    if course_id is not None:
        statement = statement.where(one.course_id == course_id)
    rows = session.execute(statement.order_by(one.course_id, one.weekday, one.from_on))
    return [WeekdayListed(*row) for row in rows]
