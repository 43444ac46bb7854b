"""Requests to be excused: the list, asking, deciding, the document and the export."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.absences import queries, rules, service
from central.absences.queries import AbsenceFilter, AbsenceListed
from central.absences.service import Asked, Step
from central.accounts.service import record
from central.db import db
from central.downloads import private_file
from central.errors import NotFound
from central.media.document_rules import LARGEST_DOCUMENT, PDF
from central.media.document_service import DOCUMENTS, Upload, checked, fetch_document, keep
from central.people.queries import courses_named
from central.spreadsheets import csv_file
from central.web import desk_forms as forms
from central.web.access import requires
from central.web.desk_forms import Here
from central.web.desk_wording import (
    ABSENCE_KINDS,
    ABSENCE_REASONS,
    ABSENCE_STATUSES,
    absence_kind,
    problem_words,
)

bp = Blueprint("absences", __name__, url_prefix="/app/absences")


@bp.get("")
@requires("manage_absences")
def index() -> ResponseReturnValue:
    place, where = forms.here(), _asked_for()
    session = db.session()
    before = request.args.get("before", type=int)
    shown = queries.absences_before(session, place.id, before, queries.PAGE_SIZE + 1, where=where)
    counts = queries.counts_by_status(session, place.id, where)
    return render_template(
        "absences/index.html",
        place=place,
        where=where,
        absences=shown[: queries.PAGE_SIZE],
        older=shown[queries.PAGE_SIZE - 1].id if len(shown) > queries.PAGE_SIZE else None,
        counts=counts,
        courses=courses_named(session, place.id, place.today.year),
        link=_link(where),
    )


@bp.get("/new")
@requires("manage_absences")
def new() -> ResponseReturnValue:
    """Find the student, then say when and why."""
    place = forms.here()
    student_id = request.args.get("student", type=int)
    if student_id is None:
        return render_template(
            "desk/find.html",
            title=gettext("New absence"),
            question=gettext("Who will be absent, or was?"),
            next_endpoint="absences.new",
            **forms.found_students(place),
        )
    on_date = forms.optional_day(request.args.get("date", "")) or place.today
    return _form(place, student_id, {"from": on_date.isoformat(), "to": on_date.isoformat()})


@bp.post("/new")
@requires("manage_absences")
def create() -> ResponseReturnValue:
    place = forms.here()
    student_id = request.form.get("student", 0, type=int)
    forms.known_student(place, student_id)
    problem = forms.try_to(lambda: _create(place, student_id), gettext("The request is entered."))
    if problem is not None:
        return _form(place, student_id, request.form.to_dict(), problem), 409
    return redirect(url_for("absences.index"), 303)


@bp.get("/<int:absence_id>")
@requires("manage_absences")
def one(absence_id: int) -> ResponseReturnValue:
    place = forms.here()
    absence = _absence(place, absence_id)
    return render_template(
        "absences/one.html",
        place=place,
        absence=absence,
        history=queries.history(db.session(), place.id, absence_id),
        actions=rules.actions(absence.status),
    )


@bp.post("/<int:absence_id>/steps")
@requires("manage_absences")
def take_step(absence_id: int) -> ResponseReturnValue:
    """Approve, reject, withdraw, or take a decision back."""
    place = forms.here()
    action = request.form.get("action", "")
    if action not in rules.STEPS:
        raise NotFound("no such action")
    step = Step(action, place.user_id, forms.text("note") or None)
    forms.try_or_say(
        lambda: service.take_step(db.session(), place.id, absence_id, step, now=place.now),
        gettext("Done. The days it touches are up to date."),
    )
    return redirect(url_for("absences.one", absence_id=absence_id), 303)


@bp.get("/<int:absence_id>/document")
@requires("manage_absences")
def document(absence_id: int) -> ResponseReturnValue:
    """The attached file, to keep on disk. Each look is kept in the audit log."""
    place, session = forms.here(), db.session()
    absence = _absence(place, absence_id)
    if absence.document_key is None:
        raise NotFound("no document")
    content = fetch_document(forms.documents(), place.id, absence.document_key)
    detail = {"absence": absence_id}
    subject = f"student:{absence.student_id}"
    record(session, place.id, place.user_id, "saw_absence_document", subject, detail)
    session.commit()
    return private_file(content, absence.document_type or PDF, absence.document_name or "")


@bp.get("/export.csv")
@requires("manage_absences")
def export() -> Response:
    """The list with the same filters, for a spreadsheet."""
    place, session, where = forms.here(), db.session(), _asked_for()
    rows = queries.absences_before(session, place.id, None, queries.MOST_EXPORTED, where=where)
    record(session, place.id, place.user_id, "exported_absences", None, {"rows": len(rows)})
    session.commit()
    content = csv_file([_head(), *(_cells(absence) for absence in rows)])
    name = f"inasistencias-{place.today.isoformat()}.csv"
    return private_file(content, "text/csv; charset=utf-8", name)


def _create(place: Here, student_id: int) -> None:
    kind = forms.choice("kind", ABSENCE_KINDS)
    asked = Asked(
        student_id,
        forms.day("from"),
        forms.day("to"),
        kind,
        forms.choice("reason", ABSENCE_REASONS),
        forms.text("comment"),
        comes_at=forms.wall_clock("comes_at") if kind == "late" else None,
    )
    session, now, upload = db.session(), place.now, _upload(place)
    document = upload.document if upload else None
    made = service.request_absence(
        session, place.id, asked, place.user_id, now=now, document=document
    )
    if request.form.get("approve"):
        step = Step(rules.APPROVE, place.user_id)
        service.take_step(session, place.id, made.id, step, now=now)
    if upload is not None:
        keep(forms.documents(), upload)


def _upload(place: Here) -> Upload | None:
    given = forms.file("document", LARGEST_DOCUMENT)
    return checked(place.id, "absences", given, DOCUMENTS) if given else None


def _form(place: Here, student_id: int, values: dict[str, Any], problem: str | None = None) -> str:
    return render_template(
        "absences/new.html",
        place=place,
        student=forms.known_student(place, student_id),
        values=values,
        problem=problem_words(problem) if problem else None,
    )


def _absence(place: Here, absence_id: int) -> AbsenceListed:
    absence = queries.one_absence(db.session(), place.id, absence_id)
    if absence is None:
        raise NotFound("no such absence")
    return absence


def _asked_for() -> AbsenceFilter:
    status, reason = request.args.get("status"), request.args.get("reason")
    return AbsenceFilter(
        status=status if status in ABSENCE_STATUSES else None,
        reason=reason if reason in ABSENCE_REASONS else None,
        course_id=request.args.get("course", type=int),
        from_on=forms.optional_day(request.args.get("from", "")),
        until_on=forms.optional_day(request.args.get("to", "")),
        typed=request.args.get("q", "").replace("\x00", "").strip(),
    )


def _link(where: AbsenceFilter) -> dict[str, Any]:
    """The filters as arguments of an address."""
    return {
        "status": where.status,
        "reason": where.reason,
        "course": where.course_id,
        "from": _iso(where.from_on),
        "to": _iso(where.until_on),
        "q": where.typed or None,
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _head() -> list[str]:
    return [
        gettext("Student"),
        gettext("Course"),
        gettext("From"),
        gettext("To"),
        gettext("Kind"),
        gettext("Reason"),
        gettext("Comment"),
        gettext("Status"),
        gettext("Requested by"),
        gettext("Decided by"),
        gettext("Note"),
    ]


def _cells(absence: AbsenceListed) -> list[object]:
    return [
        f"{absence.family_names}, {absence.given_names}",
        absence.course,
        absence.from_on.isoformat(),
        absence.until_on.isoformat(),
        absence_kind(absence.kind, absence.comes_at),
        str(ABSENCE_REASONS.get(absence.reason, absence.reason)),
        absence.comment,
        str(ABSENCE_STATUSES[absence.status]),
        absence.user or absence.guardian or "",
        absence.decided_by or "",
        absence.decision_note or "",
    ]
