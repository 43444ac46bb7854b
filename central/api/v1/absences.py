"""Requests to be excused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response

from central.absences import queries
from central.absences.queries import AbsenceFilter
from central.absences.service import Asked, Step, request_absence, take_step
from central.accounts.service import record
from central.api.auth import bearer, caller_who
from central.api.fields import Nothing
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.desk_schemas import (
    AbsenceIn,
    AbsenceOut,
    AbsencePage,
    AbsencePath,
    AbsencesFilter,
    AbsencesQuery,
    AbsenceStep,
    AbsenceStoryOut,
)
from central.api.v1.files import A_DOCUMENT, A_TABLE, documents, upload
from central.api.v1.scope import school_of
from central.db import db
from central.downloads import private_file
from central.errors import NotFound
from central.media.document_service import DOCUMENTS, fetch_document, keep
from central.spreadsheets import csv_file

bp = APIBlueprint("api_absences", __name__, url_prefix="/api/v1/absences", tag="Absences")

_COLUMNS: Final = (
    *("id", "student_id", "family_names", "given_names", "course", "from_on", "until_on"),
    *("kind", "comes_at", "reason", "comment", "status", "user", "guardian", "created_at"),
    *("decided_by", "decided_at", "decision_note", "document_name"),
)
_NOT_THERE = {404: "Not in this school"}
_CONTRADICTED = {409: "It contradicts what is stored, or cannot be meant: see `detail`"}


@bp.get("")
@bp.auth_required(bearer)
@bp.input(AbsencesQuery, location="query")
@bp.output(AbsencePage)
@bp.doc(operation_id="list_absences")
def absences(query_data: AbsencesQuery) -> Mapping[str, Any]:
    """Requests that a student be excused. The dates keep those that touch them."""
    viewer = caller_who("manage_absences")
    where = _where(query_data)
    after, limit = id_after(query_data.cursor), query_data.limit
    rows = queries.absences_after(db.session(), school_of(viewer), after, limit + 1, where=where)
    items, last = cut(rows, limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.post("")
@bp.auth_required(bearer)
@bp.input(AbsenceIn)
@bp.output(AbsenceOut, status_code=201)
@bp.doc(operation_id="request_absence", responses=_NOT_THERE | _CONTRADICTED)
def ask(json_data: AbsenceIn) -> AbsenceOut:
    """Ask that a student be excused. It counts once it is approved."""
    viewer, session = caller_who("manage_absences"), db.session()
    school_id, given = school_of(viewer), json_data.document
    document = None
    if given is not None:
        document = upload(school_id, "absences", given.name, given.content, DOCUMENTS)
    asked = Asked(
        json_data.student,
        json_data.first,
        json_data.last,
        json_data.kind,
        json_data.reason,
        json_data.comment,
        time.fromisoformat(json_data.comes_at) if json_data.comes_at else None,
    )
    made = request_absence(
        session,
        school_id,
        asked,
        viewer.user_id,
        now=datetime.now(UTC),
        document=document.document if document else None,
    )
    if document is not None:
        keep(documents(), document)
    session.commit()
    return _one(school_id, made.id)


@bp.get("/export")
@bp.auth_required(bearer)
@bp.input(AbsencesFilter, location="query")
@bp.doc(operation_id="export_absences", responses=A_TABLE)
def export(query_data: AbsencesFilter) -> Response:
    """The same requests as one table, for a spreadsheet. Each export is kept in the audit log."""
    viewer, session = caller_who("manage_absences"), db.session()
    school_id = school_of(viewer)
    rows = queries.absences_before(
        session, school_id, None, queries.MOST_EXPORTED, where=_where(query_data)
    )
    record(session, school_id, viewer.user_id, "exported_absences", None, {"rows": len(rows)})
    session.commit()
    content = csv_file([_COLUMNS, *([getattr(row, name) for name in _COLUMNS] for row in rows)])
    return private_file(content, "text/csv; charset=utf-8", "absences.csv")


@bp.get("/<int:absence_id>")
@bp.auth_required(bearer)
@bp.input(AbsencePath, location="path")
@bp.input(Nothing, location="query")
@bp.output(AbsenceStoryOut)
@bp.doc(operation_id="get_absence", responses=_NOT_THERE)
def absence(absence_id: int, path_data: AbsencePath, query_data: Nothing) -> AbsenceStoryOut:
    """One request with what happened to it."""
    school_id = school_of(caller_who("manage_absences"))
    found = _one(school_id, path_data.absence_id)
    history = queries.history(db.session(), school_id, path_data.absence_id)
    return AbsenceStoryOut.model_validate(
        {**found.model_dump(), "history": history}, from_attributes=True
    )


@bp.get("/<int:absence_id>/document")
@bp.auth_required(bearer)
@bp.input(AbsencePath, location="path")
@bp.input(Nothing, location="query")
@bp.doc(operation_id="get_absence_document", responses=_NOT_THERE | A_DOCUMENT)
def document(absence_id: int, path_data: AbsencePath, query_data: Nothing) -> Response:
    """The document handed in with a request. Each look is kept in the audit log."""
    viewer, session = caller_who("manage_absences"), db.session()
    school_id, number = school_of(viewer), path_data.absence_id
    found = queries.one_absence(session, school_id, number)
    if found is None or found.document_key is None:
        raise NotFound("no such document")
    content = fetch_document(documents(), school_id, found.document_key)
    detail, subject = {"absence": number}, f"student:{found.student_id}"
    record(session, school_id, viewer.user_id, "saw_absence_document", subject, detail)
    session.commit()
    return private_file(content, found.document_type or "", found.document_name or "")


@bp.post("/<int:absence_id>/steps")
@bp.auth_required(bearer)
@bp.input(AbsencePath, location="path")
@bp.input(AbsenceStep)
@bp.output(AbsenceOut)
@bp.doc(operation_id="decide_absence", responses=_NOT_THERE | _CONTRADICTED)
def take(absence_id: int, path_data: AbsencePath, json_data: AbsenceStep) -> AbsenceOut:
    """Approve, reject, withdraw or reopen a request.

    The attendance days that it touches, past and to come, follow at once.
    """
    viewer, session = caller_who("manage_absences"), db.session()
    step = Step(json_data.action, viewer.user_id, json_data.note or None)
    take_step(session, school_of(viewer), path_data.absence_id, step, now=datetime.now(UTC))
    session.commit()
    return _one(school_of(viewer), path_data.absence_id)


def _where(asked: AbsencesFilter) -> AbsenceFilter:
    return AbsenceFilter(
        status=asked.status,
        reason=asked.reason,
        course_id=asked.course,
        student_id=asked.student,
        from_on=asked.first,
        until_on=asked.last,
    )


def _one(school_id: int, absence_id: int) -> AbsenceOut:
    found = queries.one_absence(db.session(), school_id, absence_id)
    if found is None:
        raise NotFound("no such absence")
    return AbsenceOut.model_validate(found)
