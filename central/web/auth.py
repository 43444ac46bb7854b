"""Signing in and out, one's own sessions, the school looked at, and how pages are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response

from central.accounts import queries, service
from central.accounts.rules import ABSOLUTE_LIMIT
from central.db import db
from central.errors import WrongCredentials
from central.limits import limit_sign_in
from central.web.access import (
    current_session,
    current_viewer,
    local_path,
    session_token,
    signed_in_only,
)
from central.web.i18n import LANGUAGE_COOKIE, LANGUAGES
from central.web.theme import THEME_COOKIE, THEMES

ONE_YEAR_SECONDS: Final = 31_536_000

bp = Blueprint("auth", __name__, url_prefix="/app")


@bp.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    if g.viewer is not None:
        return redirect(local_path(request.args.get("next")) or url_for("home.staff"), 303)
    return render_template("auth/sign_in.html", next=local_path(request.args.get("next")))


@bp.post("/sign-in")
@limit_sign_in(lambda: request.form.get("email", ""))
def open_session() -> ResponseReturnValue:
    """Check the password and give the browser a new session; any older one of it ends."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    back_to = local_path(request.form.get("next"))
    now = datetime.now(UTC)
    try:
        opened = service.sign_in(
            db.session(), email, password, now=now, user_agent=request.user_agent.string
        )
    except WrongCredentials:
        page = render_template("auth/sign_in.html", next=back_to, email=email, refused=True)
        return make_response(page, 401)
    service.sign_out(db.session(), session_token() or "", now=now)
    db.session.commit()
    session.clear()  # form tokens given out before belong to nobody now
    response = redirect(back_to or url_for("home.staff"), 303)
    _set_cookie(
        response,
        current_app.config["SIGN_IN_COOKIE"],
        opened.token,
        seconds=int(ABSOLUTE_LIMIT.total_seconds()),
    )
    _set_cookie(response, LANGUAGE_COOKIE, opened.locale, seconds=ONE_YEAR_SECONDS)
    return response


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    service.sign_out(db.session(), session_token() or "", now=datetime.now(UTC))
    db.session.commit()
    session.clear()
    flash(_("You are signed out."))
    response = redirect(url_for("auth.sign_in"), 303)
    _set_cookie(response, current_app.config["SIGN_IN_COOKIE"], "", seconds=0)
    return response


@bp.get("/sessions")
@signed_in_only
def sessions() -> ResponseReturnValue:
    """The browsers in which the person is signed in."""
    viewer = current_viewer()
    return render_template(
        "auth/sessions.html",
        sessions=queries.own_sessions(db.session(), viewer.user_id, now=datetime.now(UTC)),
        this=current_session().session_hash,
    )


@bp.post("/sessions/end")
@signed_in_only
def end_session() -> ResponseReturnValue:
    viewer = current_viewer()
    try:
        session_hash = bytes.fromhex(request.form.get("session", ""))
    except ValueError:
        abort(400)
    service.revoke_session(db.session(), viewer.user_id, session_hash, now=datetime.now(UTC))
    db.session.commit()
    flash(_("That browser is signed out."))
    return redirect(url_for("auth.sessions"), 303)


@bp.post("/sessions/end-others")
@signed_in_only
def end_other_sessions() -> ResponseReturnValue:
    ended = service.revoke_other_sessions(db.session(), current_session(), now=datetime.now(UTC))
    db.session.commit()
    flash(ngettext("%(num)d browser signed out.", "%(num)d browsers signed out.", ended))
    return redirect(url_for("auth.sessions"), 303)


@bp.get("/schools")
@signed_in_only
def schools() -> ResponseReturnValue:
    """The schools to choose from, for a person who works in several."""
    viewer = current_viewer()
    if not viewer.staff_schools:
        return redirect(url_for("home.staff"), 303)
    choices = queries.schools_named(db.session(), viewer.staff_schools)
    return render_template("auth/schools.html", schools=choices)


@bp.post("/schools")
@signed_in_only
def choose_school() -> ResponseReturnValue:
    chosen = request.form.get("school", type=int)
    if chosen is None:
        abort(400)
    service.choose_school(db.session(), current_session(), chosen)
    db.session.commit()
    return redirect(url_for("home.staff"), 303)


@bp.post("/display")
def display() -> ResponseReturnValue:
    """Language and theme. Each travels alone, so that a button changes just one."""
    response = redirect(local_path(request.form.get("next")) or url_for("home.staff"), 303)
    language, theme = request.form.get("language"), request.form.get("theme")
    if language in LANGUAGES:
        _set_cookie(response, LANGUAGE_COOKIE, language, seconds=ONE_YEAR_SECONDS)
        if g.viewer is not None:
            service.choose_language(db.session(), g.viewer.user_id, language)
            db.session.commit()
    if theme in THEMES:
        _set_cookie(response, THEME_COOKIE, theme, seconds=ONE_YEAR_SECONDS)
    return response


def _set_cookie(response: Response, name: str, value: str, *, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
