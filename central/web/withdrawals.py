"""Withdrawals: who comes for a student, the signature, and the receipt."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.attendance.day_story_queries import day_story
from central.db import db
from central.downloads import private_image
from central.errors import Busy, Conflict, NotFound
from central.media.document_rules import PNG
from central.media.document_service import SIGNATURES, Upload, checked, fetch_document, keep
from central.web import desk_forms as forms
from central.web.access import requires
from central.web.desk_forms import Here
from central.web.desk_wording import IDENTITY_KINDS, WITHDRAWAL_REASONS, problem_words
from central.withdrawals import queries, rules
from central.withdrawals.collectors_service import note_look
from central.withdrawals.models import Withdrawal
from central.withdrawals.queries import WithdrawalListed
from central.withdrawals.service import Asked, who_comes, withdraw

DATA_URL: Final = "data:image/png;base64,"  # as a canvas says it

bp = Blueprint("withdrawals", __name__, url_prefix="/app/withdrawals")


@bp.get("")
@requires("withdraw_students")
def index() -> ResponseReturnValue:
    place = forms.here()
    on_date = forms.optional_day(request.args.get("date", "")) or place.today
    return render_template(
        "withdrawals/index.html",
        place=place,
        on_date=on_date,
        withdrawals=queries.withdrawals_before(
            db.session(), place.id, None, queries.PAGE_SIZE, on_date=on_date
        ),
    )


@bp.get("/new")
@requires("withdraw_students")
def new() -> ResponseReturnValue:
    """Find the student, then say who is here. The look at who may come is kept."""
    place = forms.here()
    student_id = request.args.get("student", type=int)
    if student_id is None:
        return render_template(
            "desk/find.html",
            title=gettext("Withdraw a student"),
            question=gettext("Who is being collected?"),
            next_endpoint="withdrawals.new",
            **forms.found_students(place),
        )
    page = _form(place, student_id, {})
    note_look(db.session(), place.id, place.user_id, student_id, "collectors")
    db.session().commit()
    return page


@bp.post("/new")
@requires("withdraw_students")
def create() -> ResponseReturnValue:
    place = forms.here()
    student_id = request.form.get("student", 0, type=int)
    forms.known_student(place, student_id)
    session = db.session()
    try:
        made = _withdraw(place, student_id)
        session.commit()
    except (Conflict, Busy) as error:
        session.rollback()
        problem = forms.code_of(error)
        return _form(place, student_id, request.form.to_dict(), problem), 409
    return redirect(url_for("withdrawals.one", withdrawal_id=made.id), 303)


@bp.get("/<int:withdrawal_id>")
@requires("withdraw_students")
def one(withdrawal_id: int) -> ResponseReturnValue:
    """The receipt, to print; or why the person was refused."""
    place, session = forms.here(), db.session()
    withdrawal = _withdrawal(place, withdrawal_id)
    note_look(session, place.id, place.user_id, withdrawal.student_id, "withdrawal")
    session.commit()
    number = rules.written(withdrawal.identity_kind, withdrawal.identity_number)
    return render_template(
        "withdrawals/one.html", place=place, withdrawal=withdrawal, identity_number=number
    )


@bp.get("/<int:withdrawal_id>/signature.png")
@requires("withdraw_students")
def signature(withdrawal_id: int) -> ResponseReturnValue:
    place, session = forms.here(), db.session()
    withdrawal = _withdrawal(place, withdrawal_id)
    if withdrawal.signature_key is None:
        raise NotFound("no signature")
    content = fetch_document(forms.documents(), place.id, withdrawal.signature_key)
    note_look(session, place.id, place.user_id, withdrawal.student_id, "signature")
    session.commit()
    return private_image(content, PNG)


def _withdraw(place: Here, student_id: int) -> Withdrawal:
    who, _, number = request.form.get("who", "").partition("-")
    if who not in ("guardian", "person") or not number.isdecimal():
        raise Conflict("incomplete")
    shown = rules.identity(
        forms.choice("identity_kind", IDENTITY_KINDS), forms.text("identity_number", 40)
    )
    if shown is None:
        raise Conflict("identity_invalid")
    signature = _signature(place)
    asked = Asked(
        forms.request_key(),
        student_id,
        shown,
        forms.choice("reason", WITHDRAWAL_REASONS),
        guardian_id=int(number) if who == "guardian" else None,
        authorised_person_id=int(number) if who == "person" else None,
        comment=forms.text("comment"),
        signature_key=signature.document.key if signature else None,
    )
    made = withdraw(db.session(), place.id, asked, place.user_id, now=place.now)
    if signature is not None and made.signature_key == signature.document.key:
        keep(forms.documents(), signature)
    return made


def _signature(place: Here) -> Upload | None:
    """The drawn signature; None when it is on paper. Raises Conflict."""
    if request.form.get("on_paper"):
        return None
    drawn = request.form.get("signature", "")
    try:
        content = b64decode(drawn.removeprefix(DATA_URL), validate=True)
    except binascii.Error:
        content = b""
    if not drawn.startswith(DATA_URL) or not content:
        raise Conflict("signature_missing")
    return checked(place.id, "signatures", ("signature.png", content), SIGNATURES)


def _form(place: Here, student_id: int, values: dict[str, Any], problem: str | None = None) -> str:
    return render_template(
        "withdrawals/new.html",
        place=place,
        student=forms.known_student(place, student_id),
        story=day_story(db.session(), place.id, student_id, place.today),
        comers=who_comes(db.session(), place.id, student_id, now=place.now),
        values=values,
        problem=problem_words(problem) if problem else None,
    )


def _withdrawal(place: Here, withdrawal_id: int) -> WithdrawalListed:
    withdrawal = queries.one_withdrawal(db.session(), place.id, withdrawal_id)
    if withdrawal is None:
        raise NotFound("no such withdrawal")
    return withdrawal
