"""What pages, the API and the processes ask about messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, func, select, text, tuple_
from sqlalchemy.orm import Session

from central.calendar.models import CalendarException
from central.devices.models import Gate
from central.errors import NotFound
from central.notifications.channel import Change
from central.notifications.models import Notification
from central.notifications.templates import Facts, preview, values
from central.people.models import Course, Guardian, Student
from central.people.queries import has_words
from central.schools.models import School

PAGE_SIZE: Final = 50
_CHANGE: Final = ("change_kind", "from_on", "until_on", "starts_at", "ends_at")

# The place of a message in the log; that of a page's last one is where the next page begins.
Cursor = tuple[datetime, int]

# No message is written before its fact, so the index on created_at finds the rows of a recent
# date; the margin covers every time zone.
_BEFORE_ITS_DATE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What to show of the log; None shows all. ``on_date`` is the school's own date.

    ``typed`` are words that the names of student and guardian together must have.
    """

    statuses: Sequence[str] | None = None
    student_id: int | None = None
    on_date: date | None = None
    typed: str = ""


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """One message with the names that a page shows. Times are aware; None has not happened."""

    id: int
    kind: str
    status: str
    on_date: date
    fact_at: datetime
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None
    attempts: int
    error_code: int | None
    error: str | None
    student_id: int
    given_names: str = field(repr=False)
    family_names: str = field(repr=False)
    course: str
    guardian_id: int
    guardian: str = field(repr=False)
    phone_end: str | None = field(repr=False)  # the last four digits
    locale: str
    gate: str | None  # of a passage
    timezone: str
    change: Change | None  # of the calendar

    @property
    def text(self) -> str:
        """The message as the guardian reads it."""
        facts = Facts(self.given_names, self.fact_at, self.timezone, self.gate, self.change)
        return preview(self.kind, self.locale, values(self.kind, self.locale, facts))

    @property
    def cursor(self) -> Cursor:
        return (self.created_at, self.id)


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of the log; ``older`` continues it, None at its end."""

    messages: Sequence[LoggedMessage]
    older: Cursor | None


def message_log(
    session: Session,
    school_id: int,
    only: LogFilter,
    *,
    before: Cursor | None = None,
    limit: int = PAGE_SIZE,
) -> LogPage:
    """The school's messages, newest first; new ones never shift a page."""
    query = _logged(school_id).order_by(Notification.created_at.desc(), Notification.id.desc())
    if only.statuses is not None:
        query = query.where(Notification.status.in_(only.statuses))
    if only.student_id is not None:
        query = query.where(Notification.student_id == only.student_id)
    if only.on_date is not None:
        query = query.where(_about(only.on_date))
    if only.typed:
        query = query.where(_names_have(only.typed))
    if before is not None:
        query = query.where(tuple_(Notification.created_at, Notification.id) < before)
    found = [_message(row) for row in session.execute(query.limit(limit + 1))]
    shown = found[:limit]
    return LogPage(shown, shown[-1].cursor if len(found) > limit else None)


def logged_message(session: Session, school_id: int, notification_id: int) -> LoggedMessage:
    """One message of the school. Raises NotFound."""
    row = session.execute(
        _logged(school_id).where(Notification.id == notification_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"notification {notification_id}")
    return _message(row)


def counts_by_status(
    session: Session, school_id: int, on_date: date, typed: str = ""
) -> dict[str, int]:
    """How many messages about facts of that date stand where; a status without any is absent.

    ``typed`` narrows them as it narrows the log.
    """
    query = select(Notification.status, func.count().label("number")).where(
        Notification.school_id == school_id, _about(on_date)
    )
    if typed:
        query = (
            query.join(Student, _same(Student, Notification.student_id))
            .join(Guardian, _same(Guardian, Notification.guardian_id))
            .where(_names_have(typed))
        )
    rows = session.execute(query.group_by(Notification.status))
    return {row.status: row.number for row in rows}


def schools_with_due(session: Session, now: datetime, *, most: int = 128) -> list[int]:
    """The schools of the ``most`` messages that are due longest."""
    query = text("SELECT school_id FROM schools_with_due_notifications(:now, :most)")
    return list(session.scalars(query, {"now": now, "most": most}))


def schools_with_lapsed(session: Session, now: datetime) -> list[int]:
    """The schools with a message whose sender has not been heard of in time."""
    query = text("SELECT school_id FROM schools_with_lapsed_leases(:now)")
    return list(session.scalars(query, {"now": now}))


def anything_to_drain(session: Session, now: datetime) -> bool:
    """Whether a drain would find something to do."""
    return bool(schools_with_due(session, now, most=1) or schools_with_lapsed(session, now))


def _logged(school_id: int) -> Select[Any]:
    message = Notification
    columns: tuple[Any, ...] = (
        message.id,
        message.kind,
        message.status,
        message.on_date,
        message.fact_at,
        message.created_at,
        message.sent_at,
        message.delivered_at,
        message.read_at,
        message.failed_at,
        message.attempts,
        message.error_code,
        message.error,
        message.student_id,
        Student.given_names,
        Student.family_names,
        Course.name.label("course"),
        message.guardian_id,
        Guardian.full_name.label("guardian"),
        func.right(Guardian.phone, 4).label("phone_end"),
        Guardian.locale,
        Gate.name.label("gate"),
        School.timezone,
        CalendarException.kind.label("change_kind"),
        CalendarException.from_on,
        CalendarException.until_on,
        CalendarException.starts_at,
        CalendarException.ends_at,
    )
    return (
        select(*columns)
        .join(School, School.id == message.school_id)
        .join(Student, _same(Student, message.student_id))
        .join(Course, and_(Course.school_id == message.school_id, Course.id == Student.course_id))
        .join(Guardian, _same(Guardian, message.guardian_id))
        .outerjoin(Gate, _same(Gate, message.gate_id))
        .outerjoin(
            CalendarException,
            and_(_same(CalendarException, message.ordinal), message.kind == "calendar_change"),
        )
        .where(message.school_id == school_id)
    )


def _about(on_date: date) -> ColumnElement[bool]:
    earliest = datetime.combine(on_date, time(), UTC) - _BEFORE_ITS_DATE
    return and_(Notification.on_date == on_date, Notification.created_at >= earliest)


def _names_have(typed: str) -> Any:
    names = (Student.given_names, Student.family_names, Guardian.full_name)
    return has_words(typed, *names)


def _same(table: Any, its_id: Any) -> Any:
    return and_(table.school_id == Notification.school_id, table.id == its_id)


def _message(row: Row[Any]) -> LoggedMessage:
    parts = dict(row._mapping)
    kind, *days_and_times = [parts.pop(name) for name in _CHANGE]
    return LoggedMessage(**parts, change=Change(kind, *days_and_times) if kind else None)
