"""Who may see, be told about and collect a student; and whom a court order keeps away."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.db import db
from central.downloads import private_image
from central.errors import Conflict, NotFound
from central.media.document_rules import IMAGES, JPEG, LARGEST_DOCUMENT, media_type
from central.media.document_service import Accepted, checked, fetch_document, keep
from central.web import desk_forms as forms
from central.web.access import requires
from central.web.desk_forms import Here
from central.web.desk_wording import IDENTITY_KINDS, RELATIONSHIPS
from central.withdrawals import collectors_service as service
from central.withdrawals import queries, rules
from central.withdrawals.collectors_service import NewFlag, NewPerson, Rights
from central.withdrawals.rules import Identity

PHOTOS: Final = Accepted(IMAGES, LARGEST_DOCUMENT)
LONGEST_NAME: Final = 100
RIGHTS: Final = ("may_see", "notify_entry", "notify_exit", "notify_absence", "may_collect")

bp = Blueprint("collectors", __name__, url_prefix="/app/students/<int:student_id>/collectors")


@bp.get("")
@requires("withdraw_students")
def index(student_id: int) -> ResponseReturnValue:
    """Each look is kept in the audit log."""
    place, session = forms.here(), db.session()
    student = forms.known_student(place, student_id)
    page = render_template(
        "withdrawals/collectors.html",
        place=place,
        student=student,
        guardians=queries.guardians_of(session, place.id, student_id),
        persons=queries.persons_of(session, place.id, student_id),
        flags=queries.flags_of(session, place.id, student_id),
        written=rules.written,
    )
    service.note_look(session, place.id, place.user_id, student_id, "collectors")
    session.commit()
    return page


@bp.post("/persons")
@requires("withdraw_students")
def authorise(student_id: int) -> ResponseReturnValue:
    place = forms.here()

    def change() -> None:
        given = forms.file("photo", LARGEST_DOCUMENT)
        upload = checked(place.id, "collectors", given, PHOTOS) if given else None
        person = NewPerson(
            student_id,
            forms.needed("full_name", LONGEST_NAME),
            _identity(),
            forms.choice("relationship", RELATIONSHIPS),
            forms.day("from"),
            forms.optional_day(request.form.get("to", "")),
            _phone(),
            upload.document.key if upload else None,
        )
        service.authorise(db.session(), place.id, person, place.user_id, now=place.now)
        if upload is not None:
            keep(forms.documents(), upload)

    forms.try_or_say(change, gettext("Authorised."))
    return _back(student_id)


@bp.post("/persons/<int:person_id>/revocation")
@requires("withdraw_students")
def revoke(student_id: int, person_id: int) -> ResponseReturnValue:
    place = forms.here()
    forms.try_or_say(
        lambda: service.revoke(db.session(), place.id, person_id, place.user_id, now=place.now),
        gettext("From now on this person may not collect the student."),
    )
    return _back(student_id)


@bp.get("/persons/<int:person_id>/photo")
@requires("withdraw_students")
def photo(student_id: int, person_id: int) -> ResponseReturnValue:
    place, session = forms.here(), db.session()
    person = queries.one_person(session, place.id, person_id)
    if person is None or person.student_id != student_id or person.photo_key is None:
        raise NotFound("no photo")
    content = fetch_document(forms.documents(), place.id, person.photo_key)
    service.note_look(session, place.id, place.user_id, student_id, "collector_photo")
    session.commit()
    return private_image(content, media_type(content) or JPEG)


@bp.post("/orders")
@requires("withdraw_students")
def forbid(student_id: int) -> ResponseReturnValue:
    place = forms.here()

    def change() -> None:
        guardian_id = request.form.get("guardian", type=int)
        flag = NewFlag(
            student_id,
            _forbidden_name(place, student_id, guardian_id),
            forms.needed("court_order", LONGEST_NAME),
            forms.day("from"),
            forms.optional_day(request.form.get("to", "")),
            guardian_id,
            _identity() if forms.text("identity_number") else None,
        )
        service.forbid(db.session(), place.id, flag, place.user_id, now=place.now)

    forms.try_or_say(change, gettext("The court order is entered and holds at once."))
    return _back(student_id)


@bp.post("/orders/<int:flag_id>/end")
@requires("withdraw_students")
def end_order(student_id: int, flag_id: int) -> ResponseReturnValue:
    place = forms.here()
    forms.try_or_say(
        lambda: service.end_flag(db.session(), place.id, flag_id, place.user_id, now=place.now),
        gettext("The court order holds no more."),
    )
    return _back(student_id)


@bp.post("/guardians/<int:guardian_id>/rights")
@requires("withdraw_students")
def set_rights(student_id: int, guardian_id: int) -> ResponseReturnValue:
    place, session = forms.here(), db.session()
    rights = Rights(**{name: name in request.form for name in RIGHTS})
    link = (student_id, guardian_id)
    service.set_rights(session, place.id, link, rights, place.user_id)
    session.commit()
    flash(gettext("The rights are kept."))
    return _back(student_id)


def _identity() -> Identity:
    shown = rules.identity(
        forms.choice("identity_kind", IDENTITY_KINDS), forms.text("identity_number", 40)
    )
    if shown is None:
        raise Conflict("identity_invalid")
    return shown


def _forbidden_name(place: Here, student_id: int, guardian_id: int | None) -> str:
    if guardian_id is None:
        return forms.needed("person_name", LONGEST_NAME)
    guardians = queries.guardians_of(db.session(), place.id, student_id)
    names: dict[int, str] = {guardian.id: guardian.full_name for guardian in guardians}
    if guardian_id not in names:
        raise NotFound("no such guardian")
    return names[guardian_id]


def _phone() -> str | None:
    typed = forms.text("phone", 40)
    if not typed:
        return None
    number = rules.phone(typed)
    if number is None:
        raise Conflict("phone_invalid")
    return number


def _back(student_id: int) -> ResponseReturnValue:
    return redirect(url_for("collectors.index", student_id=student_id), 303)
