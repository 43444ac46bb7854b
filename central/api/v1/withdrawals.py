"""Who takes students along during the day, and who is authorised to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from central.api.auth import bearer, caller_who
from central.api.fields import Nothing
from central.api.paging import cut, id_after, id_cursor
from central.api.v1.desk_schemas import (
    AuthorisedIn,
    AuthorisedList,
    AuthorisedOut,
    AuthorisedPath,
    IdentityIn,
    WithdrawalIn,
    WithdrawalOut,
    WithdrawalPage,
    WithdrawalPath,
    WithdrawalsQuery,
)
from central.api.v1.files import A_SIGNATURE, documents, upload
from central.api.v1.schemas import StudentPath
from central.api.v1.scope import school_of
from central.db import db
from central.downloads import private_image
from central.errors import Conflict, NotFound
from central.media.document_rules import PNG
from central.media.document_service import SIGNATURES, fetch_document, keep
from central.withdrawals import queries, rules
from central.withdrawals.collectors_service import NewPerson, authorise, note_look, revoke
from central.withdrawals.rules import Identity
from central.withdrawals.service import Asked, withdraw

bp = APIBlueprint("api_withdrawals", __name__, url_prefix="/api/v1", tag="Withdrawals")

_NOT_THERE = {404: "Not in this school"}
_CONTRADICTED = {409: "It contradicts what is stored, or cannot be meant: see `detail`"}


@bp.get("/withdrawals")
@bp.auth_required(bearer)
@bp.input(WithdrawalsQuery, location="query")
@bp.output(WithdrawalPage)
@bp.doc(operation_id="list_withdrawals")
def withdrawals(query_data: WithdrawalsQuery) -> Mapping[str, Any]:
    """Withdrawals, and refusals with their reason. Holds no identity numbers."""
    school_id = school_of(caller_who("withdraw_students"))
    rows = queries.withdrawals_after(
        db.session(),
        school_id,
        id_after(query_data.cursor),
        query_data.limit + 1,
        on_date=query_data.date,
        student_id=query_data.student,
    )
    items, last = cut(rows, query_data.limit)
    return {"items": items, "next": id_cursor(last.id) if last else None}


@bp.post("/withdrawals")
@bp.auth_required(bearer)
@bp.input(WithdrawalIn)
@bp.output(WithdrawalOut, status_code=201)
@bp.doc(operation_id="withdraw_student", responses=_NOT_THERE | _CONTRADICTED)
def let_go(json_data: WithdrawalIn) -> WithdrawalOut:
    """Let a student go with somebody, or record that they were refused: see `refusal`.

    Letting go makes an exit and tells the guardians.
    """
    viewer, session = caller_who("withdraw_students"), db.session()
    if (json_data.guardian is None) == (json_data.authorised_person is None):
        raise Conflict("name either guardian or authorised_person")
    school_id, drawn = school_of(viewer), json_data.signature
    signature = None
    if drawn is not None:
        signature = upload(school_id, "signatures", "signature.png", drawn, SIGNATURES)
    asked = Asked(
        UUID(json_data.request_key),
        json_data.student,
        _identity(json_data.identity),
        json_data.reason,
        json_data.guardian,
        json_data.authorised_person,
        json_data.comment,
        signature.document.key if signature else None,
    )
    made = withdraw(session, school_id, asked, viewer.user_id, now=datetime.now(UTC))
    if signature is not None and made.signature_key == signature.document.key:
        keep(documents(), signature)
    session.commit()
    return _withdrawal(school_id, made.id)


@bp.get("/withdrawals/<int:withdrawal_id>")
@bp.auth_required(bearer)
@bp.input(WithdrawalPath, location="path")
@bp.input(Nothing, location="query")
@bp.output(WithdrawalOut)
@bp.doc(operation_id="get_withdrawal", responses=_NOT_THERE)
def withdrawal(withdrawal_id: int, path_data: WithdrawalPath, query_data: Nothing) -> WithdrawalOut:
    """One withdrawal or refusal."""
    return _withdrawal(school_of(caller_who("withdraw_students")), path_data.withdrawal_id)


@bp.get("/withdrawals/<int:withdrawal_id>/signature")
@bp.auth_required(bearer)
@bp.input(WithdrawalPath, location="path")
@bp.input(Nothing, location="query")
@bp.doc(operation_id="get_withdrawal_signature", responses=_NOT_THERE | A_SIGNATURE)
def drawn_signature(withdrawal_id: int, path_data: WithdrawalPath, query_data: Nothing) -> Response:
    """The signature as it was drawn. Each look is kept in the audit log."""
    viewer, session = caller_who("withdraw_students"), db.session()
    school_id = school_of(viewer)
    found = queries.one_withdrawal(session, school_id, path_data.withdrawal_id)
    if found is None or found.signature_key is None:
        raise NotFound("no such signature")
    content = fetch_document(documents(), school_id, found.signature_key)
    note_look(session, school_id, viewer.user_id, found.student_id, "signature")
    session.commit()
    return private_image(content, PNG)


@bp.get("/students/<int:student_id>/authorised-persons")
@bp.auth_required(bearer)
@bp.input(StudentPath, location="path")
@bp.input(Nothing, location="query")
@bp.output(AuthorisedList)
@bp.doc(operation_id="list_authorised_persons", responses=_NOT_THERE)
def authorised_persons(
    student_id: int, path_data: StudentPath, query_data: Nothing
) -> Mapping[str, Any]:
    """Who besides the guardians may collect a student, and who might once. Each look is kept."""
    viewer, session = caller_who("withdraw_students"), db.session()
    school_id = school_of(viewer)
    if queries.student_seen(session, school_id, path_data.student_id) is None:
        raise NotFound("no such student")
    items = queries.persons_of(session, school_id, path_data.student_id)
    note_look(session, school_id, viewer.user_id, path_data.student_id, "collectors")
    session.commit()
    return {"items": items}


@bp.post("/students/<int:student_id>/authorised-persons")
@bp.auth_required(bearer)
@bp.input(StudentPath, location="path")
@bp.input(AuthorisedIn)
@bp.output(AuthorisedOut, status_code=201)
@bp.doc(operation_id="authorise_person", responses=_NOT_THERE | _CONTRADICTED)
def add_person(student_id: int, path_data: StudentPath, json_data: AuthorisedIn) -> AuthorisedOut:
    """Authorise a person to collect a student on some dates."""
    viewer, session = caller_who("withdraw_students"), db.session()
    person = NewPerson(
        path_data.student_id,
        json_data.full_name,
        _identity(json_data.identity),
        json_data.relationship,
        json_data.first,
        json_data.last,
    )
    made = authorise(session, school_of(viewer), person, viewer.user_id, now=datetime.now(UTC))
    session.commit()
    return _person(school_of(viewer), made.id)


@bp.post("/authorised-persons/<int:person_id>/revocation")
@bp.auth_required(bearer)
@bp.input(AuthorisedPath, location="path")
@bp.input(Nothing)
@bp.output(AuthorisedOut)
@bp.doc(operation_id="revoke_person", responses=_NOT_THERE | _CONTRADICTED)
def revoke_person(person_id: int, path_data: AuthorisedPath, json_data: Nothing) -> AuthorisedOut:
    """Withdraw an authorisation from now on."""
    viewer, session = caller_who("withdraw_students"), db.session()
    number = path_data.person_id
    revoke(session, school_of(viewer), number, viewer.user_id, now=datetime.now(UTC))
    session.commit()
    return _person(school_of(viewer), number)


def _identity(given: IdentityIn) -> Identity:
    found = rules.identity(given.kind, given.number)
    if found is None:
        raise Conflict("identity_invalid")
    return found


def _withdrawal(school_id: int, number: int) -> WithdrawalOut:
    found = queries.one_withdrawal(db.session(), school_id, number)
    if found is None:
        raise NotFound("no such withdrawal")
    return WithdrawalOut.model_validate(found)


def _person(school_id: int, number: int) -> AuthorisedOut:
    found = queries.one_person(db.session(), school_id, number)
    if found is None:
        raise NotFound("no such person")
    return AuthorisedOut.model_validate(found)
