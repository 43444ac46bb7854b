"""When there is school: years, weekly hours, exceptions, and what they come to on a date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.fields import Nothing
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.calendar_schemas import (
    AddedOut,
    CancelledOut,
    ChangedOut,
    CourseHoursList,
    CourseHoursOut,
    DayQuery,
    ExceptionAndNotice,
    ExceptionIn,
    ExceptionOut,
    ExceptionPage,
    ExceptionPath,
    ExceptionsQuery,
    PreviewOut,
    WeekdayList,
    WeekIn,
    WeeklyQuery,
    YearIn,
    YearList,
    YearPath,
    hours_out,
    preview_out,
)
from central.api.v1.scope import school_of
from central.attendance import calendar_queries, calendar_service
from central.calendar import listing_queries
from central.calendar.queries import hours_on
from central.calendar.service import refuse_exception, refuse_week, refuse_year
from central.db import db
from central.schools.queries import today_at

bp = APIBlueprint("api_calendar", __name__, url_prefix="/api/v1/calendar", tag="Calendar")

_NOT_THERE: Final = {404: "Not in this school"}
_CONTRADICTED: Final = {409: "It contradicts what is stored, or cannot be meant: see `detail`"}
_REFUSED: Final = _NOT_THERE | _CONTRADICTED


@bp.get("/hours")
@bp.auth_required(bearer)
@bp.input(DayQuery, location="query")
@bp.output(CourseHoursList)
@bp.doc(operation_id="list_hours_of_a_date")
def hours(query_data: DayQuery) -> CourseHoursList:
    """From when to when each course has class on a date, or why it has none.

    Everything counts: the week, the terms and the exceptions.
    """
    school_id = school_of(caller_who("see_attendance"))
    found = hours_on(db.session(), school_id, query_data.date)
    items = [
        CourseHoursOut(course_id=course_id, **hours_out(day).model_dump())
        for course_id, day in found.items()
        if query_data.course in (None, course_id)
    ]
    return CourseHoursList(date=query_data.date, items=items)


@bp.get("/weekly-hours")
@bp.auth_required(bearer)
@bp.input(WeeklyQuery, location="query")
@bp.output(WeekdayList)
@bp.doc(operation_id="list_weekly_hours")
def weekly_hours(query_data: WeeklyQuery) -> Mapping[str, Any]:
    """The weekly hours of courses, past and coming ones too."""
    school_id = school_of(caller_who("see_attendance"))
    rows = listing_queries.weekdays_listed(db.session(), school_id, query_data.course)
    return {"items": rows}


@bp.post("/weekly-hours/preview")
@bp.auth_required(bearer)
@bp.input(WeekIn)
@bp.output(PreviewOut)
@bp.doc(operation_id="preview_weekly_hours", responses=_REFUSED)
def preview_week(json_data: WeekIn) -> PreviewOut:
    """What other weekly hours would do within a hundred days. Changes nothing."""
    school_id, asked = school_of(caller_who("manage_calendar")), json_data.asked()
    session = db.session()
    refuse_week(session, school_id, asked, today=today_at(session, school_id, now=_now()))
    return preview_out(calendar_queries.preview_week(session, school_id, asked))


@bp.post("/weekly-hours")
@bp.auth_required(bearer)
@bp.input(WeekIn)
@bp.output(ChangedOut)
@bp.doc(operation_id="set_weekly_hours", responses=_REFUSED)
def set_week(json_data: WeekIn) -> ChangedOut:
    """Other hours of courses on some weekdays, from a date on. Repeating changes nothing."""
    viewer, session = caller_who("manage_calendar"), db.session()
    school_id, asked = school_of(viewer), json_data.asked()
    today = today_at(session, school_id, now=_now())
    changed = calendar_service.set_week(session, school_id, asked, viewer.user_id, today=today)
    session.commit()
    return ChangedOut(changed_days=changed)


@bp.get("/years")
@bp.auth_required(bearer)
@bp.input(Nothing, location="query")
@bp.output(YearList)
@bp.doc(operation_id="list_school_years")
def years(query_data: Nothing) -> Mapping[str, Any]:
    """The school years with their terms, the newest first."""
    school_id = school_of(caller_who("see_attendance"))
    return {"items": listing_queries.years_listed(db.session(), school_id)}


@bp.post("/years/<int:year>/preview")
@bp.auth_required(bearer)
@bp.input(YearPath, location="path")
@bp.input(YearIn)
@bp.output(PreviewOut)
@bp.doc(operation_id="preview_school_year", responses=_CONTRADICTED)
def preview_year(year: int, path_data: YearPath, json_data: YearIn) -> PreviewOut:
    """What telling a school year would do. Changes nothing."""
    school_id, asked = school_of(caller_who("manage_calendar")), json_data.asked(path_data.year)
    refuse_year(db.session(), school_id, asked)
    return preview_out(calendar_queries.preview_year(db.session(), school_id, asked))


@bp.put("/years/<int:year>")
@bp.auth_required(bearer)
@bp.input(YearPath, location="path")
@bp.input(YearIn)
@bp.output(ChangedOut)
@bp.doc(operation_id="set_school_year", responses=_CONTRADICTED)
def set_year(year: int, path_data: YearPath, json_data: YearIn) -> ChangedOut:
    """The dates of a school year and its terms, instead of what was told before."""
    viewer, session = caller_who("manage_calendar"), db.session()
    asked = json_data.asked(path_data.year)
    changed = calendar_service.set_year(session, school_of(viewer), asked, viewer.user_id)
    session.commit()
    return ChangedOut(changed_days=changed)


@bp.get("/exceptions")
@bp.auth_required(bearer)
@bp.input(ExceptionsQuery, location="query")
@bp.output(ExceptionPage)
@bp.doc(operation_id="list_exceptions")
def exceptions(query_data: ExceptionsQuery) -> Mapping[str, Any]:
    """Exceptions, those taken back too. The dates keep those that touch them."""
    school_id = school_of(caller_who("see_attendance"))
    where = {
        "from_on": query_data.first,
        "until_on": query_data.last,
        "course_id": query_data.course,
    }
    after, limit = id_after(query_data.cursor), query_data.limit
    rows = listing_queries.exceptions_after(db.session(), school_id, after, limit + 1, where)
    items, last = cut(rows, limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.post("/exceptions/preview")
@bp.auth_required(bearer)
@bp.input(ExceptionIn)
@bp.output(PreviewOut)
@bp.doc(operation_id="preview_exception", responses=_REFUSED)
def preview(json_data: ExceptionIn) -> PreviewOut:
    """What an exception would do, and whom it would concern. Changes nothing."""
    school_id, asked = school_of(caller_who("manage_calendar")), json_data.asked()
    refuse_exception(db.session(), school_id, asked)
    return preview_out(calendar_queries.preview_exception(db.session(), school_id, asked))


@bp.post("/exceptions")
@bp.auth_required(bearer)
@bp.input(ExceptionAndNotice)
@bp.output(AddedOut, status_code=201)
@bp.doc(operation_id="add_exception", responses=_REFUSED)
def add(json_data: ExceptionAndNotice) -> Mapping[str, Any]:
    """An exception, and word of it to the families concerned if that is asked for.

    The attendance days that it touches follow at once. The same one a second time is refused.
    """
    viewer, session, now = caller_who("manage_calendar"), db.session(), _now()
    school_id, by, messages = school_of(viewer), viewer.user_id, 0
    added = calendar_service.add_exception(session, school_id, json_data.asked(), by, now=now)
    if json_data.tell_families:
        today = today_at(session, school_id, now=now)
        messages = calendar_service.tell_families(
            session, school_id, added.exceptions, by, now=now, today=today
        )
    session.commit()
    return {
        "items": list(added.exceptions),
        "changed_days": added.changed_days,
        "messages": messages,
    }


@bp.get("/exceptions/<int:exception_id>")
@bp.auth_required(bearer)
@bp.input(ExceptionPath, location="path")
@bp.input(Nothing, location="query")
@bp.output(ExceptionOut)
@bp.doc(operation_id="get_exception", responses=_NOT_THERE)
def exception(exception_id: int, path_data: ExceptionPath, query_data: Nothing) -> ExceptionOut:
    """One exception of one course, or of the whole school."""
    school_id = school_of(caller_who("see_attendance"))
    found = listing_queries.exception_row(db.session(), school_id, path_data.exception_id)
    return ExceptionOut.model_validate(found)


@bp.get("/exceptions/<int:exception_id>/cancellation/preview")
@bp.auth_required(bearer)
@bp.input(ExceptionPath, location="path")
@bp.input(Nothing, location="query")
@bp.output(PreviewOut)
@bp.doc(operation_id="preview_cancellation", responses=_NOT_THERE)
def preview_cancel(exception_id: int, path_data: ExceptionPath, query_data: Nothing) -> PreviewOut:
    """What taking an exception back would do. Changes nothing."""
    school_id = school_of(caller_who("manage_calendar"))
    found = calendar_queries.preview_cancel(db.session(), school_id, [path_data.exception_id])
    return preview_out(found)


@bp.post("/exceptions/<int:exception_id>/cancellation")
@bp.auth_required(bearer)
@bp.input(ExceptionPath, location="path")
@bp.input(Nothing)
@bp.output(CancelledOut)
@bp.doc(operation_id="cancel_exception", responses=_REFUSED)
def cancel(exception_id: int, path_data: ExceptionPath, json_data: Nothing) -> CancelledOut:
    """Take an exception back. It stays in the list, with who did it.

    Families who were told of it are not told of this.
    """
    viewer, session = caller_who("manage_calendar"), db.session()
    school_id, id_ = school_of(viewer), path_data.exception_id
    changed = calendar_service.cancel_exception(session, school_id, id_, viewer.user_id, now=_now())
    session.commit()
    found = ExceptionOut.model_validate(listing_queries.exception_row(session, school_id, id_))
    return CancelledOut(changed_days=changed, **found.model_dump())


def _now() -> datetime:
    return datetime.now(UTC)
