"""Today: the live board, and the list of students behind its figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask import Blueprint, Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from central.attendance import passage_queries, student_queries
from central.attendance.passage_queries import Sighting
from central.attendance.student_queries import GROUPS, StudentNow
from central.db import db
from central.people.name_rules import fold
from central.web.access import current_viewer, requires
from central.web.board_curve import clock
from central.web.board_feed import render_parts, update_after, usual_days
from central.web.board_page import audience_of, gather
from central.web.board_usual import UsualDays

KINDS: Final = ("entry", "exit", "nobody")
DAY_AND_MONTH: Final = {"es": "EEEE d 'de' MMMM", "en": "EEEE, MMMM d"}  # CLDR has only short ones

bp = Blueprint("board", __name__)


def register(app: Flask) -> None:
    app.extensions["usual_days"] = UsualDays()
    app.register_blueprint(bp)


@dataclass(frozen=True, slots=True)
class StreamFilter:
    """Which rows of the stream are shown. The page's own script follows the same rules."""

    course: int | None
    kind: str | None
    typed: str

    def shows(self, sighting: Sighting) -> bool:
        return self.counts(sighting) and self.kind in (None, sighting.kind)

    def counts(self, sighting: Sighting) -> bool:
        """Whether a row is among those from which the chips choose, and which they count."""
        student = sighting.student
        if self.course is not None and (student is None or student.course_id != self.course):
            return False
        name = fold(f"{student.given_names} {student.family_names}") if student else ""
        return all(word in name for word in fold(self.typed).split())


@bp.get("/app/board")
@requires("see_attendance")
def index() -> ResponseReturnValue:
    session, audience = db.session(), audience_of(db.session(), current_viewer())
    summary = gather(session, audience, usual_days(), datetime.now(UTC))
    day, shown = summary.moment.on_date, _stream_filter()
    # the cursor first: what comes between it and the rows is sent again rather than never
    cursor = passage_queries.cursor_today(session, audience.school_id, day)
    sightings = passage_queries.sightings_today(session, audience.school_id, day, audience.courses)
    return render_template(
        "board/index.html",
        audience=audience,
        summary=summary,
        parts=render_parts(summary, audience),
        cursor=cursor,
        sightings=sightings,
        shown=shown,
        any_shown=any(shown.shows(sighting) for sighting in sightings),
        totals=Counter(sighting.kind for sighting in sightings if shown.counts(sighting)),
    )


@bp.get("/app/board/arrivals")
@requires("see_attendance")
def arrivals() -> ResponseReturnValue:
    """What a stream would have sent after ``?after=``; for pages without a stream."""
    audience = audience_of(db.session(), current_viewer())
    update = update_after(db.session(), audience, request.args.get("after", 0, type=int))
    return Response(update.to_json(), mimetype="application/json")


@bp.get("/app/board/students")
@requires("see_attendance")
def students() -> ResponseReturnValue:
    """Every student with their state now; ``?state=``, ``?course=`` and ``?q=`` narrow it."""
    session, audience = db.session(), audience_of(db.session(), current_viewer())
    now = datetime.now(UTC)
    everyone = student_queries.students_today(
        session, audience.school_id, now.astimezone(audience.zone).date(), audience.courses
    )
    course, typed = request.args.get("course", type=int), request.args.get("q", "").strip()
    found = _narrowed(everyone, course, typed)
    state = request.args.get("state")
    state = state if state in GROUPS else None
    return render_template(
        "board/students.html",
        audience=audience,
        now=now,
        students=[student for student in found if state is None or student.belongs_to(state)],
        counts=student_queries.counts_by_group(found),
        total=len(found),
        courses={student.course_id: student.course for student in everyone},
        state=state,
        course=course,
        typed=typed,
    )


def _narrowed(students: Sequence[StudentNow], course: int | None, typed: str) -> list[StudentNow]:
    words = fold(typed).split()
    return [
        student
        for student in students
        if course in (None, student.course_id)
        and all(word in fold(f"{student.given_names} {student.family_names}") for word in words)
    ]


def _stream_filter() -> StreamFilter:
    kind = request.args.get("kind")
    return StreamFilter(
        course=request.args.get("course", type=int),
        kind=kind if kind in KINDS else None,
        typed=request.args.get("q", "").strip(),
    )


@bp.app_template_filter("wall_clock")
def wall_clock(moment: datetime, zone: ZoneInfo) -> str:
    """The time on the school's wall, such as ``8:07``."""
    local = moment.astimezone(zone)
    return f"{local.hour}:{local.minute:02}"


@bp.app_template_filter("day_and_month")
def day_and_month(day: date) -> str:
    """A date near today, without its year: ``martes 24 de noviembre``."""
    return format_date(day, DAY_AND_MONTH[str(get_locale())], locale=get_locale())


bp.add_app_template_filter(clock, "clock_of_second")
bp.add_app_template_filter(fold, "fold")
