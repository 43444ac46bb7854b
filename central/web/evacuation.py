"""Evacuations and drills: begin, mark from several phones at once, end, report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, flash, g, jsonify, redirect, request
from flask import render_template as render
from flask import url_for as address
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.attendance.student_queries import StudentNow, students_found
from central.db import db
from central.errors import Conflict
from central.evacuation import queries, service
from central.evacuation.queries import CourseStands
from central.evacuation.rules import KINDS, STATES, counts_of
from central.evacuation.sealed_service import has_pin, replace_pin
from central.evacuation.service import SentMark
from central.web.access import current_school, current_viewer, requires
from central.web.board import wall_clock
from central.web.inside import contacts_shown, wants_phones

LONGEST_NOTE: Final = 1000
MOST_MARKS: Final = 500  # of one request: a phone that was without network for the whole drill

bp = Blueprint("evacuation", __name__)


def register(app: Flask) -> None:
    app.register_blueprint(bp)
    app.context_processor(lambda: {"evacuation_running": _running_here()})


def _running_here() -> int | None:
    """The evacuation that every page points to while it runs, for those who may mark."""
    viewer = g.get("viewer")
    if viewer is None or viewer.school is None or not viewer.may("mark_evacuation"):
        return None
    found = queries.running(db.session(), viewer.school.id)
    return None if found is None else found.id


@bp.get("/app/evacuations")
@requires("mark_evacuation")
def index() -> ResponseReturnValue:
    """Begin one, go on with the one that runs, look at those that were."""
    session, school = db.session(), current_school()
    return render(
        "evacuation/index.html",
        running=queries.running(session, school.id),
        past=queries.past_evacuations(session, school.id),
        has_pin=has_pin(session, school.id),
        zone=ZoneInfo(school.timezone),
    )


@bp.post("/app/evacuations/pin")
@requires("lead_evacuation")
def pin() -> ResponseReturnValue:
    """Make a new PIN for the gates' lists, and show it this once."""
    session, school = db.session(), current_school()
    made = replace_pin(session, school.id, current_viewer().user_id, now=datetime.now(UTC))
    session.commit()
    return render("evacuation/pin.html", pin=made)


@bp.post("/app/evacuations")
@requires("lead_evacuation")
def start() -> ResponseReturnValue:
    session, school, now = db.session(), current_school(), datetime.now(UTC)
    kind = request.form.get("kind", "")
    today = now.astimezone(ZoneInfo(school.timezone)).date()
    if kind not in KINDS:
        return redirect(address("evacuation.index"), 303)
    try:
        begun = service.start(session, school.id, kind, current_viewer().user_id, today, now=now)
        session.commit()
    except Conflict:  # two people at once: both mean the same evacuation
        session.rollback()
        running = queries.running(session, school.id)
        begun = running.id if running is not None else 0
    return redirect(address("evacuation.one", evacuation_id=begun), 303)


@bp.get("/app/evacuations/<int:evacuation_id>")
@requires("mark_evacuation")
def one(evacuation_id: int) -> ResponseReturnValue:
    """The list to mark while it runs, and afterwards the report; ``?phones=1`` adds numbers."""
    session, school = db.session(), current_school()
    evacuation = queries.one_evacuation(session, school.id, evacuation_id)
    people = queries.evacuees(session, school.id, evacuation_id)
    contacts = None
    if wants_phones():
        contacts = contacts_shown([person.id for person in people], f"evacuation:{evacuation_id}")
    template = "evacuation/list.html" if evacuation.ended_at is None else "evacuation/report.html"
    return render(
        template,
        evacuation=evacuation,
        courses=queries.by_course(session, school.id, evacuation_id, people),
        counts=counts_of(person.state for person in people),
        staff=queries.staff_members(session, school.id),
        markers=queries.markers(session, school.id, evacuation_id),
        all_safe_at=queries.all_safe_at(session, school.id, evacuation_id),
        contacts=contacts,
        found=_not_listed({person.id for person in people}),
        zone=ZoneInfo(school.timezone),
    )


def _not_listed(listed: set[int]) -> list[StudentNow] | None:
    """Students of the name typed who are not on the list; None if none was typed."""
    typed, school = request.args.get("find", "").strip(), current_school()
    if not typed:
        return None
    today = datetime.now(UTC).astimezone(ZoneInfo(school.timezone)).date()
    found = students_found(db.session(), school.id, today, typed, limit=30)
    return [student for student in found if student.id not in listed]


@bp.get("/app/evacuations/<int:evacuation_id>/state")
@requires("mark_evacuation")
def state(evacuation_id: int) -> Response:
    """Every mark and count as it stands now, for a page that has the names already."""
    session, school = db.session(), current_school()
    evacuation = queries.one_evacuation(session, school.id, evacuation_id)
    people = queries.evacuees(session, school.id, evacuation_id)
    courses = queries.by_course(session, school.id, evacuation_id, people)
    return jsonify(
        ended=evacuation.ended_at is not None,
        people=dict(_states(courses, ZoneInfo(school.timezone))),
        staff={str(course.id): course.staff or "" for course in courses},
    )


def _states(courses: list[CourseStands], zone: ZoneInfo) -> Iterator[tuple[str, Any]]:
    for course in courses:
        for person in course.people:
            at = wall_clock(person.marked_at, zone) if person.marked_at else ""
            yield str(person.id), [person.state, person.marked_by or "", at]


@bp.post("/app/evacuations/<int:evacuation_id>/marks")
@requires("mark_evacuation")
def marks(evacuation_id: int) -> ResponseReturnValue:
    """Marks of a phone, as JSON; or one mark of a browser without scripts, as a form."""
    session, school = db.session(), current_school()
    sent = list(_sent_as_json() if request.is_json else _sent_as_form())
    taken = service.mark(
        session,
        school.id,
        evacuation_id,
        sent,
        current_viewer().user_id,
        now=datetime.now(UTC),
    )
    session.commit()
    if not request.is_json:
        return redirect(address("evacuation.one", evacuation_id=evacuation_id), 303)
    return jsonify(
        kept=[str(key) for key in taken.kept], refused=[str(key) for key in taken.refused]
    )


@bp.post("/app/evacuations/<int:evacuation_id>/staff")
@requires("lead_evacuation")
def assign(evacuation_id: int) -> ResponseReturnValue:
    session, school = db.session(), current_school()
    course_id = request.form.get("course", type=int)
    chosen = request.form.get("staff", type=int)
    known = {member.id for member in queries.staff_members(session, school.id)}
    if course_id is not None and (chosen is None or chosen in known):
        service.assign(
            session, school.id, evacuation_id, course_id, chosen, current_viewer().user_id
        )
        session.commit()
    return redirect(address("evacuation.one", evacuation_id=evacuation_id), 303)


@bp.post("/app/evacuations/<int:evacuation_id>/students")
@requires("mark_evacuation")
def add(evacuation_id: int) -> ResponseReturnValue:
    """Put a student on the list whom the gates had not seen."""
    session, school = db.session(), current_school()
    student_id = request.form.get("student", type=int)
    if student_id is not None:
        viewer = current_viewer()
        service.add_student(session, school.id, evacuation_id, student_id, viewer.user_id)
        session.commit()
    return redirect(address("evacuation.one", evacuation_id=evacuation_id), 303)


@bp.post("/app/evacuations/<int:evacuation_id>/end")
@requires("lead_evacuation")
def end(evacuation_id: int) -> ResponseReturnValue:
    session, school = db.session(), current_school()
    note = request.form.get("note", "").strip()[:LONGEST_NOTE]
    viewer = current_viewer()
    try:
        service.end(session, school.id, evacuation_id, viewer.user_id, note, now=datetime.now(UTC))
        session.commit()
    except Conflict:
        session.rollback()
        flash(gettext("Somebody else has ended it already."))
    return redirect(address("evacuation.one", evacuation_id=evacuation_id), 303)


def _sent_as_form() -> Iterator[SentMark]:
    student, _, state = request.form.get("mark", "").partition(":")
    if student.isdigit() and len(student) < 16 and state in STATES:
        yield SentMark(uuid4(), int(student), state)


def _sent_as_json() -> Iterator[SentMark]:
    body = request.get_json(silent=True)
    sent = body.get("marks") if isinstance(body, dict) else None
    for mark in (sent if isinstance(sent, list) else [])[:MOST_MARKS]:
        match mark:
            case {
                "key": str(key),
                "student": int(student),
                "state": str(state),
                "age_ms": int(age),
            }:
                if state in STATES and 0 < student < 2**53 and (found := _uuid(key)) is not None:
                    age = min(max(age, 0), 2**40)
                    yield SentMark(found, student, state, timedelta(milliseconds=age))


def _uuid(written: str) -> UUID | None:
    try:
        return UUID(written)
    except ValueError:
        return None
