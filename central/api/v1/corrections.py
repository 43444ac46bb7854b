"""Corrections of days, and passages that staff enter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from central.api.auth import bearer, caller_who
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.desk_schemas import (
    CorrectionOut,
    CorrectionPage,
    CorrectionPath,
    ManualIn,
    ManualOut,
    ManualPage,
    ManualPath,
    NamedTapIn,
    SignedQuery,
    StatusIn,
    VerdictIn,
)
from central.api.v1.scope import school_of
from central.attendance import corrections_queries as queries
from central.attendance.corrections_queries import DayOf
from central.attendance.corrections_rules import Verdict
from central.attendance.corrections_service import (
    NamedTap,
    StatusChange,
    decide_correction,
    ignore_tap,
    restore_tap,
    set_status,
)
from central.attendance.manual_service import Passage, decide_manual, record_manual
from central.db import db
from central.errors import NotFound

bp = APIBlueprint("api_corrections", __name__, url_prefix="/api/v1", tag="Corrections")

_NOT_THERE = {404: "Not in this school"}
_CONTRADICTED = {409: "It contradicts what is stored, or cannot be meant: see `detail`"}


@bp.get("/corrections")
@bp.auth_required(bearer)
@bp.input(SignedQuery, location="query")
@bp.output(CorrectionPage)
@bp.doc(operation_id="list_corrections")
def corrections(query_data: SignedQuery) -> Mapping[str, Any]:
    """Corrections of attendance days. None is ever changed; a later one counts more."""
    school_id = school_of(caller_who("correct_days"))
    of = DayOf(query_data.student, query_data.date)
    after, limit = id_after(query_data.cursor), query_data.limit
    rows = queries.corrections_after(
        db.session(), school_id, after, limit + 1, state=query_data.state, of=of
    )
    items, last = cut(rows, limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.post("/corrections/statuses")
@bp.auth_required(bearer)
@bp.input(StatusIn)
@bp.output(CorrectionOut, status_code=201)
@bp.doc(operation_id="correct_status", responses=_NOT_THERE | _CONTRADICTED)
def correct_status(json_data: StatusIn) -> CorrectionOut:
    """Say that a day had another status. On a closed day it waits for a second person."""
    viewer, session = caller_who("correct_days"), db.session()
    change = StatusChange(
        json_data.student,
        json_data.date,
        json_data.status,
        json_data.reason,
        json_data.minutes_late,
    )
    made = set_status(session, school_of(viewer), change, viewer.user_id, now=datetime.now(UTC))
    session.commit()
    return _correction(school_of(viewer), made.id)


@bp.post("/corrections/ignored-taps")
@bp.auth_required(bearer)
@bp.input(NamedTapIn)
@bp.output(CorrectionOut, status_code=201)
@bp.doc(operation_id="ignore_tap", responses=_NOT_THERE | _CONTRADICTED)
def leave_out_tap(json_data: NamedTapIn) -> CorrectionOut:
    """Leave a tap out of its day. On a closed day it waits for a second person."""
    viewer, session, change = caller_who("correct_days"), db.session(), _named(json_data)
    made = ignore_tap(session, school_of(viewer), change, viewer.user_id, now=datetime.now(UTC))
    session.commit()
    return _correction(school_of(viewer), made.id)


@bp.post("/corrections/restored-taps")
@bp.auth_required(bearer)
@bp.input(NamedTapIn)
@bp.output(CorrectionOut, status_code=201)
@bp.doc(operation_id="restore_tap", responses=_NOT_THERE | _CONTRADICTED)
def restore(json_data: NamedTapIn) -> CorrectionOut:
    """Let a tap count that was left out. On a closed day it waits for a second person."""
    viewer, session, change = caller_who("correct_days"), db.session(), _named(json_data)
    made = restore_tap(session, school_of(viewer), change, viewer.user_id, now=datetime.now(UTC))
    session.commit()
    return _correction(school_of(viewer), made.id)


@bp.post("/corrections/<int:correction_id>/decision")
@bp.auth_required(bearer)
@bp.input(CorrectionPath, location="path")
@bp.input(VerdictIn)
@bp.output(CorrectionOut)
@bp.doc(operation_id="decide_correction", responses=_NOT_THERE | _CONTRADICTED)
def decide(correction_id: int, path_data: CorrectionPath, json_data: VerdictIn) -> CorrectionOut:
    """Approve or reject a correction that a colleague proposed; its author is refused."""
    viewer, session = caller_who("decide_tasks"), db.session()
    verdict = Verdict(json_data.state, viewer.user_id, json_data.note or None)
    number = path_data.correction_id
    decide_correction(session, school_of(viewer), number, verdict, now=datetime.now(UTC))
    session.commit()
    return _correction(school_of(viewer), number)


@bp.get("/manual-entries")
@bp.auth_required(bearer)
@bp.input(SignedQuery, location="query")
@bp.output(ManualPage)
@bp.doc(operation_id="list_manual_entries")
def manual_entries(query_data: SignedQuery) -> Mapping[str, Any]:
    """Entries and exits that staff made; those that count are taps too."""
    school_id = school_of(caller_who("correct_days"))
    of = DayOf(query_data.student, query_data.date)
    after, limit = id_after(query_data.cursor), query_data.limit
    rows = queries.manual_after(
        db.session(), school_id, after, limit + 1, state=query_data.state, of=of
    )
    items, last = cut(rows, limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.post("/manual-entries")
@bp.auth_required(bearer)
@bp.input(ManualIn)
@bp.output(ManualOut, status_code=201)
@bp.doc(operation_id="enter_passage", responses=_NOT_THERE | _CONTRADICTED)
def enter(json_data: ManualIn) -> ManualOut:
    """Enter a passage that no card told, at its true time.

    Guardians are told if it is news. On a closed day it waits for a second person.
    """
    viewer, session = caller_who("correct_days"), db.session()
    passage = Passage(
        UUID(json_data.request_key),
        json_data.student,
        json_data.direction,
        json_data.at,
        json_data.reason,
    )
    now = datetime.now(UTC)
    made = record_manual(session, school_of(viewer), passage, viewer.user_id, now=now)
    session.commit()
    return _manual(school_of(viewer), made.id)


@bp.post("/manual-entries/<int:entry_id>/decision")
@bp.auth_required(bearer)
@bp.input(ManualPath, location="path")
@bp.input(VerdictIn)
@bp.output(ManualOut)
@bp.doc(operation_id="decide_manual_entry", responses=_NOT_THERE | _CONTRADICTED)
def decide_entry(entry_id: int, path_data: ManualPath, json_data: VerdictIn) -> ManualOut:
    """Approve or reject a passage that a colleague proposed; its author is refused."""
    viewer, session = caller_who("decide_tasks"), db.session()
    verdict = Verdict(json_data.state, viewer.user_id, json_data.note or None)
    number = path_data.entry_id
    decide_manual(session, school_of(viewer), number, verdict, now=datetime.now(UTC))
    session.commit()
    return _manual(school_of(viewer), number)


def _named(given: NamedTapIn) -> NamedTap:
    return NamedTap(given.student, given.date, given.stream_id, given.seq, given.reason)


def _correction(school_id: int, number: int) -> CorrectionOut:
    found = queries.one_correction(db.session(), school_id, number)
    if found is None:
        raise NotFound("no such correction")
    return CorrectionOut.model_validate(found)


def _manual(school_id: int, number: int) -> ManualOut:
    found = queries.one_manual(db.session(), school_id, number)
    if found is None:
        raise NotFound("no such entry")
    return ManualOut.model_validate(found)
