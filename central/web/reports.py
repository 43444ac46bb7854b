"""Attendance over a time: how much, by course and student, and for whom absence is chronic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from central.accounts.service import record
from central.db import db
from central.people.scope_queries import courses_seen
from central.reports import queries
from central.reports.queries import Period, Report, StudentTally
from central.reports.rules import BAND_NAMES, Tally, bands_of
from central.spreadsheets import csv_file
from central.web.access import current_school, current_viewer, requires
from central.web.reports_chart import SIZES, draw

DAYS: Final = (30, 60, 120)  # to choose from; 60 is about a term's half
USUAL_DAYS: Final = 60
LONGEST_DAYS: Final = 400
BAND_WORDS: Final = {
    "normal": _l("97 % or more"),
    "at_risk": _l("90 to 97 %"),
    "chronic": _l("85 to 90 %"),
    "severe": _l("Less than 85 %"),
}

bp = Blueprint("reports", __name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report a person wants, as the address says it."""

    period: Period
    days: int
    band: str | None
    course: int | None

    def link(self, **changes: Any) -> dict[str, Any]:
        parts = {
            "days": None if self.days == USUAL_DAYS else self.days,
            "band": self.band,
            "course": self.course,
        }
        return parts | changes


@bp.get("/app/reports")
@requires("see_attendance")
def index() -> ResponseReturnValue:
    """The school by band and course; ``?course=`` and ``?band=`` list students."""
    asked = _asked()
    report = _report(asked)
    students = _listed(report, asked)
    return render_template(
        "reports/index.html",
        asked=asked,
        report=report,
        choices=DAYS,
        words=BAND_WORDS,
        bands=bands_of(student.tally for student in report.students),
        students=students,
        in_course=[one for one in report.students if asked.course in (None, one.course_id)],
        course=next((one for one in report.courses if one.id == asked.course), None),
        course_bands=_by_course(report),
    )


@bp.get("/app/reports/trend")
@requires("see_attendance")
def trend() -> ResponseReturnValue:
    """Attendance day by day, which the page asks for once it shows the rest."""
    asked = _asked()
    days = queries.attendance_by_day(
        db.session(), current_school().id, asked.period, _courses(asked)
    )
    return render_template(
        "reports/_trend.html", days=days, drawings=[draw(days, size) for size in SIZES]
    )


@bp.get("/app/reports/students.csv")
@requires("see_attendance")
def students_csv() -> Response:
    """The students that the page lists with these filters, for a spreadsheet."""
    asked = _asked()
    listed = _listed(_report(asked), asked)
    viewer = current_viewer()
    record(
        db.session(),
        current_school().id,
        viewer.user_id,
        "exported_report",
        detail={"students": len(listed), "days": asked.days},
    )
    db.session.commit()
    name = f"{gettext('attendance')}-{asked.period.first}-{asked.period.last}.csv"
    return Response(
        csv_file(_rows(listed)),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _rows(students: Sequence[StudentTally]) -> Iterator[Sequence[object]]:
    yield (
        *(gettext("Course"), gettext("Family names"), gettext("Given names")),
        *(gettext("Days"), gettext("Attended"), gettext("Late"), gettext("Absent")),
        *(gettext("Excused"), gettext("Attendance %"), gettext("Band")),
    )
    for student in students:
        tally = student.tally
        band = str(BAND_WORDS[tally.band]) if tally.band else ""
        percent = "" if tally.percent is None else f"{tally.percent:.1f}".replace(".", ",")
        yield (
            *(student.course, student.family_names, student.given_names),
            *(tally.expected, tally.attended, tally.late, tally.absent),
            *(tally.justified, percent, band),
        )


def _by_course(report: Report) -> dict[int, dict[str, int]]:
    tallies: dict[int, list[Tally]] = {}
    for student in report.students:
        tallies.setdefault(student.course_id, []).append(student.tally)
    return {course_id: bands_of(found) for course_id, found in tallies.items()}


def _listed(report: Report, asked: Asked) -> list[StudentTally]:
    """Students of the filters who have a day that counts; the lowest attendance first."""
    found = [
        student
        for student in report.students
        if student.tally.expected
        and asked.course in (None, student.course_id)
        and asked.band in (None, student.tally.band)
    ]
    return sorted(found, key=lambda one: one.tally.attended / one.tally.expected)


def _report(asked: Asked) -> Report:
    return queries.attendance_report(
        db.session(),
        current_school().id,
        asked.period,
        courses_seen(db.session(), current_viewer()),
    )


def _asked() -> Asked:
    today = datetime.now(UTC).astimezone(ZoneInfo(current_school().timezone)).date()
    days = min(max(request.args.get("days", USUAL_DAYS, type=int), 1), LONGEST_DAYS)
    band, course = request.args.get("band"), request.args.get("course", type=int)
    seen = courses_seen(db.session(), current_viewer())
    if course is not None and seen is not None and course not in seen:
        abort(404)
    return Asked(
        period=Period(_first(today, days), today),
        days=days,
        band=band if band in BAND_NAMES else None,
        course=course,
    )


def _first(today: date, days: int) -> date:
    return today - timedelta(days=days - 1)


def _courses(asked: Asked) -> list[int] | None:
    return (
        [asked.course] if asked.course is not None else courses_seen(db.session(), current_viewer())
    )
