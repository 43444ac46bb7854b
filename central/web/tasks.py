"""The inbox: what waits for a person, with its reasons and the one thing to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, flash, redirect, render_template, request
from flask import url_for as address
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from central.accounts.rules import SchoolSeen
from central.attendance import closing_queries, secure_cards
from central.cards.queries import holder_of
from central.db import db
from central.errors import Conflict
from central.no_shows import service as no_shows
from central.no_shows.queries import held_courses
from central.people.queries import course_names
from central.tasks import queries, service
from central.tasks.queries import TaskListed
from central.tasks.service import Decision
from central.web.access import current_school, current_viewer, requires
from central.web.tasks_subjects import subjects_of
from central.web.tasks_wording import STATES, TITLES, reasons_in_words

LONGEST_NOTE: Final = 500
LOOKED_AT: Final = (
    "day_open",
    secure_cards.KIND,
)  # a person looks and says so; nothing else follows
bp = Blueprint("tasks", __name__)


def register(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals["open_task_count"] = open_task_count
    app.jinja_env.globals["task_titles"] = TITLES
    app.jinja_env.filters["in_words"] = reasons_in_words


@bp.get("/app/tasks")
@requires("decide_tasks")
def index() -> ResponseReturnValue:
    session, school = db.session(), current_school()
    waiting = queries.open_tasks(session, school.id)
    closed = queries.closed_tasks(session, school.id)
    return render_template(
        "tasks/index.html",
        open=waiting,
        closed=closed,
        subjects=subjects_of(session, school.id, [*waiting, *closed]),
        link=_link,
        **_wording(school),
    )


@bp.get("/app/tasks/count")
@requires("decide_tasks")
def count() -> ResponseReturnValue:
    """The bell of the top bar as it is now, for pages that stay open."""
    return render_template("tasks/_bell.html")


@bp.get("/app/tasks/<int:task_id>")
@requires("decide_tasks")
def one(task_id: int) -> ResponseReturnValue:
    session, school = db.session(), current_school()
    task = queries.one_task(session, school.id, task_id)
    held, inside, is_alert = [], [], task.kind == secure_cards.KIND
    if task.kind == no_shows.KIND:
        held = held_courses(session, school.id, task_id)
    elif task.kind == "day_open":
        inside = closing_queries.inside_on(session, school.id, task.on_date)
    return render_template(
        "tasks/one.html",
        task=task,
        courses=[course for course in held if course.course_id is not None],
        total=held[-1] if held else None,
        inside=inside,
        holder=holder_of(session, school.id, task.subject["card"]) if is_alert else None,
        **_wording(school),
    )


@bp.get("/app/tasks/<int:task_id>/families")
@requires("decide_tasks")
def families(task_id: int) -> ResponseReturnValue:
    """How many families confirming would tell, for the courses that are ticked."""
    chosen = request.args.getlist("course", type=int)
    held = held_courses(db.session(), current_school().id, task_id, chosen)
    return render_template("tasks/_confirm.html", total=held[-1], chosen=chosen)


@bp.post("/app/tasks/<int:task_id>/decision")
@requires("decide_tasks")
def decide(task_id: int) -> ResponseReturnValue:
    """Confirm or dismiss, for the ticked courses or wholly; or say that it is done."""
    session, school, now = db.session(), current_school(), datetime.now(UTC)
    task = queries.one_task(session, school.id, task_id)
    action = request.form.get("action", "")
    decision = Decision("done", current_viewer().user_id, _note())
    try:
        if task.kind == no_shows.KIND:
            said = _decide_no_shows(task_id, action, decision, now)
        elif task.kind not in LOOKED_AT:
            raise Conflict("task: it is decided where its subject is")
        else:
            end = Decision("done" if action == "done" else "dismissed", decision.by, decision.note)
            service.close_task(session, school.id, task_id, end, now=now)
            said = gettext("The task is closed.")
        session.commit()
    except Conflict:
        session.rollback()
        said = gettext("It was decided meanwhile. This is how it stands now.")
    flash(said)
    still_open = queries.one_task(session, school.id, task_id).state == "open"
    back = address("tasks.one", task_id=task_id) if still_open else address("tasks.index")
    return redirect(back, 303)


@bp.post("/app/tasks/<int:task_id>/owner")
@requires("decide_tasks")
def own(task_id: int) -> ResponseReturnValue:
    session = db.session()
    try:
        service.take_task(session, current_school().id, task_id, current_viewer().user_id)
        session.commit()
    except Conflict:
        session.rollback()
        flash(gettext("It was decided meanwhile. This is how it stands now."))
    return redirect(address("tasks.one", task_id=task_id), 303)


def _link(task: TaskListed) -> str:
    """Where a task is decided: here, or where its subject is."""
    if task.kind == "absence_request":
        return address("absences.one", absence_id=task.subject["absence_request"])
    if task.kind == "correction_approval":
        return address("corrections.index")
    return address("tasks.one", task_id=task.id)


def _decide_no_shows(task_id: int, action: str, decision: Decision, now: datetime) -> Any:
    session, school_id = db.session(), current_school().id
    courses = None if request.form.get("all") else request.form.getlist("course", type=int)
    if courses is not None and not courses:
        return gettext("Tick at least one course.")
    if action == "confirm":
        told = no_shows.confirm(session, school_id, task_id, courses, decision, now=now)
        return ngettext(
            "%(num)s message is on its way.", "%(num)s messages are on their way.", told.messages
        )
    students = no_shows.dismiss(session, school_id, task_id, courses, decision, now=now)
    return ngettext(
        "Nobody is told of %(num)s student.", "Nobody is told of %(num)s students.", students
    )


def _note() -> str | None:
    return request.form.get("note", "").replace("\x00", "").strip()[:LONGEST_NOTE] or None


def _wording(school: SchoolSeen) -> Mapping[str, Any]:
    zone = ZoneInfo(school.timezone)
    names = course_names(db.session(), school.id)
    return {
        "zone": zone,
        "names": names,
        "states": STATES,
        "today": datetime.now(UTC).astimezone(zone).date(),
    }


def open_task_count() -> int:
    """How many tasks wait in the school that the viewer, who decides them, looks at."""
    return queries.open_count(db.session(), current_school().id)
