"""What the calendar takes and gives. Clock times are those of the school's wall, such as 08:00."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from central.api.fields import Answer, BodyId, BodyWhole, Day, Id, Moment, OneOf, Request
from central.api.paging import IdCursor, Page, PageQuery
from central.api.v1.desk_schemas import Why
from central.api.v1.schemas import PlainText
from central.attendance.calendar_queries import Preview
from central.calendar.models import KINDS
from central.calendar.planning_rules import (
    FIRST_YEAR,
    LAST_YEAR,
    LONGEST_REASON,
    Change,
    NewException,
    NewWeek,
    NewYear,
)
from central.calendar.rules import Hours, NoClass, Span
from central.errors import Conflict

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def _clock_text(value: Any) -> Any:
    return value.isoformat("minutes") if isinstance(value, time) else value


def _time(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)


Clock = Annotated[str, Field(pattern=_CLOCK), BeforeValidator(_clock_text)]
YearNumber = Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR)]
Weekday = Annotated[int, Field(ge=1, le=7, description="Monday is 1"), BodyWhole]
Tolerance = Annotated[int, Field(ge=0, le=120), BodyWhole]
Courses = Annotated[list[BodyId], Field(max_length=400)]
Reason = Annotated[Why, Field(max_length=LONGEST_REASON)]


class ExceptionIn(Request):
    kind: Annotated[str, OneOf(KINDS)]
    first: Annotated[Day, Field(alias="from", description="The first date")]
    last: Annotated[Day, Field(alias="to", description="The last date, included")]
    reason: Reason
    courses: Annotated[
        Courses, Field(default_factory=list, description="Empty is the whole school")
    ]
    starts_at: Annotated[Clock | None, Field(description="Of `hours` and `recovery`")] = None
    ends_at: Annotated[Clock | None, Field(description="Of these and of `early_leave`")] = None

    def asked(self) -> NewException:
        return NewException(
            self.kind,
            Span(self.first, self.last),
            self.reason,
            tuple(sorted(set(self.courses))),
            _time(self.starts_at),
            _time(self.ends_at),
        )


class ExceptionAndNotice(ExceptionIn):
    tell_families: Annotated[bool, Field(strict=True)] = False


class ExceptionPath(Request):
    exception_id: Id


class ExceptionsQuery(PageQuery):
    cursor: IdCursor | None = None
    first: Annotated[Day | None, Field(alias="from", description="Touched from this date")] = None
    last: Annotated[Day | None, Field(alias="to", description="Touched until this date")] = None
    course: Annotated[
        Id | None, Field(description="Those of this course and of the whole school")
    ] = None


class ExceptionOut(Answer):
    id: int
    kind: Annotated[str, OneOf(KINDS)]
    from_on: Day
    until_on: Day
    course_id: Annotated[int | None, Field(description="null is the whole school")]
    starts_at: Clock | None
    ends_at: Clock | None
    reason: str
    author_id: Annotated[int | None, Field(description="null is the system")]
    created_at: Moment
    cancelled_at: Moment | None
    cancelled_by: int | None
    told_at: Annotated[Moment | None, Field(description="When families were told")]
    told_messages: int


class ExceptionPage(Page):
    items: list[ExceptionOut]


class AddedOut(Answer):
    items: Annotated[list[ExceptionOut], Field(description="One for each course named")]
    changed_days: Annotated[int, Field(description="Attendance days that are other than before")]
    messages: Annotated[int, Field(description="Queued to families")]


class CancelledOut(ExceptionOut):
    changed_days: int


class HoursOut(Answer):
    """Either the hours, or the ``reason`` for which there are none."""

    starts_at: Clock | None = None
    ends_at: Clock | None = None
    tolerance_minutes: int | None = None
    reason: Annotated[
        str | None, Field(description="A kind of exception, `weekday` or `vacation`")
    ] = None


class ChangeOut(Answer):
    before: HoursOut
    after: HoursOut
    course_ids: list[int]
    dates: list[Day]


class PreviewOut(Answer):
    changes: list[ChangeOut]
    courses: int
    students: int
    guardians: Annotated[int, Field(description="Who would get the messages")]
    messages: Annotated[int, Field(description="Queued if the families were told")]
    withheld: Annotated[int, Field(description="For want of a telephone, or not wanted")]
    days: Annotated[int, Field(description="Attendance days that would be concluded anew")]
    tapped: Annotated[int, Field(description="Those of them with passages")]
    alerted: Annotated[int, Field(description="Students whose absence was told already")]


class DayQuery(Request):
    date: Day
    course: Id | None = None


class CourseHoursOut(HoursOut):
    course_id: int


class CourseHoursList(Answer):
    date: Day
    items: list[CourseHoursOut]


class WeekdayIn(Request):
    weekday: Weekday
    starts_at: Annotated[Clock | None, Field(description="null with `ends_at`: no class")] = None
    ends_at: Clock | None = None
    tolerance_minutes: Tolerance = 5


class WeekIn(Request):
    courses: Annotated[list[BodyId], Field(min_length=1, max_length=400)]
    first: Annotated[Day, Field(alias="from", description="Valid from this date")]
    weekdays: Annotated[list[WeekdayIn], Field(min_length=1, max_length=7)]

    def asked(self) -> NewWeek:
        hours = {one.weekday: _hours(one) for one in self.weekdays}
        if len(hours) < len(self.weekdays):
            raise Conflict("weekday_twice")
        return NewWeek(tuple(sorted(set(self.courses))), self.first, hours)


class WeeklyQuery(Request):
    course: Id | None = None


class WeekdayOut(Answer):
    course_id: int
    weekday: int
    from_on: Annotated[Day, Field(description="The newest row that has begun counts")]
    starts_at: Clock | None
    ends_at: Clock | None
    tolerance_minutes: int


class WeekdayList(Answer):
    items: list[WeekdayOut]


class ChangedOut(Answer):
    changed_days: Annotated[int, Field(description="Attendance days that are other than before")]


class TermIn(Request):
    name: PlainText
    first: Annotated[Day, Field(alias="from")]
    last: Annotated[Day, Field(alias="to", description="Included")]


class YearIn(Request):
    first: Annotated[Day, Field(alias="from", description="The first day of class")]
    last: Annotated[Day, Field(alias="to", description="The last one")]
    terms: Annotated[
        list[TermIn],
        Field(default_factory=list, max_length=6, description="Between them there is vacation"),
    ]

    def asked(self, year: int) -> NewYear:
        terms = tuple((one.name, Span(one.first, one.last)) for one in self.terms)
        return NewYear(year, Span(self.first, self.last), terms)


class YearPath(Request):
    year: YearNumber


class TermOut(Answer):
    name: str
    starts_on: Day
    ends_on: Day


class YearOut(Answer):
    year: int
    starts_on: Day
    ends_on: Day
    terms: list[TermOut]


class YearList(Answer):
    items: list[YearOut]


def hours_out(day: Hours | NoClass) -> HoursOut:
    if isinstance(day, NoClass):
        return HoursOut(reason=day.reason)
    return HoursOut.model_validate(day._asdict())


def preview_out(found: Preview) -> PreviewOut:
    counted = {name: getattr(found, name) for name in PreviewOut.model_fields if name != "changes"}
    return PreviewOut(changes=[_change_out(change) for change in found.changes], **counted)


def _change_out(change: Change) -> ChangeOut:
    return ChangeOut(
        before=hours_out(change.before),
        after=hours_out(change.after),
        course_ids=list(change.course_ids),
        dates=list(change.dates),
    )


def _hours(given: WeekdayIn) -> Hours | None:
    starts_at, ends_at = _time(given.starts_at), _time(given.ends_at)
    if starts_at is None and ends_at is None:
        return None
    if starts_at is None or ends_at is None:
        raise Conflict("hours_needed")
    return Hours(starts_at, ends_at, given.tolerance_minutes)
