"""Attendance over a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from apiflask import APIBlueprint

from central.accounts.rules import Viewer
from central.api.auth import bearer, caller_who
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.safety_schemas import (
    PeriodQuery,
    ReportOut,
    StudentReportPage,
    StudentReportQuery,
)
from central.api.v1.scope import school_of
from central.db import db
from central.errors import Conflict
from central.people.scope_queries import courses_seen
from central.reports.queries import Period, Report, attendance_report
from central.reports.rules import Tally, bands_of
from central.schools.queries import today_at

USUAL: Final = timedelta(days=59)
LONGEST: Final = timedelta(days=400)
FIRST_YEAR: Final = 2000

bp = APIBlueprint("api_reports", __name__, url_prefix="/api/v1/reports", tag="Reports")


@bp.get("/attendance")
@bp.auth_required(bearer)
@bp.input(PeriodQuery, location="query")
@bp.output(ReportOut)
@bp.doc(operation_id="get_attendance_report", responses={409: "The dates make no period"})
def attendance(query_data: PeriodQuery) -> Mapping[str, Any]:
    """Attendance of the school and its courses, and how many students are in which band.

    Bands by exact share of attended days: `normal` from 97 %, `at_risk` from 90 %, `chronic` from
    85 %, `severe` below. Only closed days count. A teacher gets their own courses.
    """
    report = _report(caller_who("see_attendance"), query_data)
    return {
        "first": report.period.first,
        "last": report.period.last,
        "closed_days": report.closed_days,
        "open_days": report.open_days,
        "total": report.total,
        "bands": bands_of(student.tally for student in report.students),
        "courses": [
            {"course_id": course.id, "course": course.name, **_plain(course.tally)}
            for course in report.courses
        ],
    }


@bp.get("/attendance/students")
@bp.auth_required(bearer)
@bp.input(StudentReportQuery, location="query")
@bp.output(StudentReportPage)
@bp.doc(operation_id="list_attendance_by_student", responses={409: "The dates make no period"})
def by_student(query_data: StudentReportQuery) -> Mapping[str, Any]:
    """Attendance of each student over the period, by id. A teacher gets their own courses."""
    report = _report(caller_who("see_attendance"), query_data)
    after = id_after(query_data.cursor)
    rows = sorted(
        (
            student
            for student in report.students
            if student.id > after
            and query_data.course in (None, student.course_id)
            and query_data.band in (None, student.tally.band)
        ),
        key=lambda student: student.id,
    )[: query_data.limit + 1]
    items, last = cut(rows, query_data.limit)
    return {
        "items": [
            {"student_id": one.id, "course_id": one.course_id, **_plain(one.tally)} for one in items
        ],
        "next": id_cursor(last.id) if last else None,
    }


def _report(viewer: Viewer, asked: PeriodQuery) -> Report:
    session, school_id = db.session(), school_of(viewer)
    today = today_at(session, school_id, now=datetime.now(UTC))
    period = _period(asked, today)
    return attendance_report(session, school_id, period, courses_seen(session, viewer))


def _period(asked: PeriodQuery, today: date) -> Period:
    last = asked.last or today
    if last.year < FIRST_YEAR:
        raise Conflict(f"to: must be {FIRST_YEAR} or later")
    first = asked.first or last - USUAL
    if first > last:
        raise Conflict("from: must not be after to")
    if last - first > LONGEST:
        raise Conflict(f"from: must be at most {LONGEST.days} days before to")
    return Period(first, last)


def _plain(tally: Tally) -> dict[str, Any]:
    names = ("expected", "attended", "late", "absent", "justified", "percent", "band")
    return {name: getattr(tally, name) for name in names}
