"""Photos of the gates: seen one by one, agreed to by guardians, switched on by the director."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from central.db import db
from central.downloads import private_image
from central.errors import Conflict, NotFound
from central.media.document_rules import JPEG
from central.media.document_service import fetch_document
from central.media.photo_keys import photo_keys
from central.media.photo_queries import photo_figures, photo_of_tap
from central.media.photo_service import let_take, note_consent, note_look
from central.settings import Settings
from central.web import desk_forms as forms
from central.web.access import requires

bp = Blueprint("photos", __name__)


@bp.get("/app/students/<int:student_id>/photos/<int:stream_id>/<int:seq>")
@requires("see_photos")
def one(student_id: int, stream_id: int, seq: int) -> ResponseReturnValue:
    """The photo of one tap. Each look is kept in the audit log, before anything is shown."""
    place, session = forms.here(), db.session()
    key = photo_of_tap(session, place.id, student_id, (stream_id, seq))
    if key is None:
        raise NotFound("no photo")
    content = fetch_document(forms.documents(), place.id, key)
    note_look(session, place.id, place.user_id, student_id)
    session.commit()
    return private_image(content, JPEG)


@bp.post("/app/students/<int:student_id>/photo-consent")
@requires("see_photos")
def consent(student_id: int) -> ResponseReturnValue:
    """Enter what the guardian said."""
    place = forms.here()
    given = forms.choice("consent", {"given": "", "withdrawn": ""}) == "given"
    forms.try_or_say(
        lambda: note_consent(db.session(), place.id, place.user_id, student_id, given=given),
        gettext("The consent is entered; gates know of it in a moment.")
        if given
        else gettext(
            "The consent is withdrawn. No more photos, and those that there were are gone."
        ),
    )
    return redirect(url_for("student_day.today", student_id=student_id), 303)


@bp.get("/app/settings/photos")
@requires("see_settings")
def index() -> ResponseReturnValue:
    place = forms.here()
    return render_template(
        "settings/photos.html",
        place=place,
        figures=photo_figures(db.session(), place.id, place.today),
        days=_settings().photo_retention_days,
    )


@bp.post("/app/settings/photos")
@requires("manage_photos")
def switch() -> ResponseReturnValue:
    place, asked = forms.here(), request.form.get("photos", "")
    if asked not in ("on", "off"):
        raise Conflict("incomplete")
    key = photo_keys(_settings()).current if asked == "on" else None
    forms.try_or_say(
        lambda: let_take(db.session(), place.id, place.user_id, key),
        gettext("Gates with a camera take photos now.")
        if key
        else gettext("Gates take no more photos, and those that there were are gone."),
    )
    return redirect(url_for("photos.index"), 303)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
