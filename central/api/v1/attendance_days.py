"""Attendance days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.paging import cut, day_after, day_cursor
from central.api.v1.schemas import AttendanceDayPage, AttendanceDaysQuery
from central.api.v1.scope import school_of
from central.attendance.api_queries import DayFilter, days_after
from central.db import db
from central.people.scope_queries import courses_seen

bp = APIBlueprint(
    "api_attendance_days", __name__, url_prefix="/api/v1/attendance-days", tag="Attendance days"
)


@bp.get("")
@bp.auth_required(bearer)
@bp.input(AttendanceDaysQuery, location="query")
@bp.output(AttendanceDayPage)
@bp.doc(operation_id="list_attendance_days")
def attendance_days(query_data: AttendanceDaysQuery) -> Mapping[str, Any]:
    """What is concluded about each student on each date, by date and student.

    A day can change as long as facts about it arrive. A teacher gets the days of their own
    courses.
    """
    viewer = caller_who("see_attendance")
    rows = days_after(
        db.session(),
        school_of(viewer),
        day_after(query_data.cursor),
        query_data.limit + 1,
        courses=courses_seen(db.session(), viewer),
        where=DayFilter(
            query_data.first,
            query_data.last,
            query_data.course,
            query_data.student,
            query_data.status,
        ),
    )
    items, last = cut(rows, query_data.limit)
    return {"items": items, "next": day_cursor(last.on_date, last.student_id) if last else None}
