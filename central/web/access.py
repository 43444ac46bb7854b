"""Who is looking: the session behind each request, its school, and what a page demands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Final, ParamSpec
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from central.accounts import queries, service
from central.accounts.queries import SignedIn
from central.accounts.rules import PERMISSIONS, SchoolSeen, Viewer, school_to_enter, staff_schools
from central.db import db, enter_schools
from central.errors import NotAllowed

P = ParamSpec("P")

# programs authenticate in their own way; a browser's cookie means nothing there
_WITHOUT_SESSION: Final = ("/static/", "/api/", "/webhooks/", "/health", "/metrics")


def register(app: Flask) -> None:
    app.before_request(_recognise)
    app.context_processor(lambda: {"viewer": g.get("viewer")})


def current_viewer() -> Viewer:
    """The person looking, inside a view that demands one."""
    viewer = g.viewer
    assert isinstance(viewer, Viewer)
    return viewer


def current_school() -> SchoolSeen:
    """The school looked at, inside a view that demands a permission."""
    school = current_viewer().school
    assert school is not None
    return school


def current_session() -> SignedIn:
    """The session of the person looking, inside a view that demands one."""
    signed_in = g.signed_in
    assert isinstance(signed_in, SignedIn)
    return signed_in


def session_token() -> str | None:
    return request.cookies.get(current_app.config["SIGN_IN_COOKIE"])


def signed_in_only(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let in whoever is signed in; send the others to sign in and then back here."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.viewer is None:
            return _sign_in_first()
        return view(*args, **kwargs)

    return guarded


def requires(
    permission: str,
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let in whose role in the school looked at includes ``permission``; 403 for the others.

    Inside, ``current_viewer().school`` is set and the database session has entered that school.
    """
    if permission not in PERMISSIONS:
        raise KeyError(permission)

    def guard(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            viewer = current_viewer()
            if viewer.school is None and viewer.staff_schools:
                return _choose_school_first()
            if not viewer.may(permission):
                raise NotAllowed(permission)
            return view(*args, **kwargs)

        return signed_in_only(guarded)

    return guard


def local_path(target: str | None) -> str | None:
    """``target`` if it is a path of this site, else None: never send a person elsewhere.

    Browsers read ``\\`` as ``/`` and drop control characters, so both are refused.
    """
    if not target or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or any(ord(letter) < 32 for letter in target):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target


def _recognise() -> None:
    g.signed_in = g.viewer = None
    token = session_token()
    if not token or request.path.startswith(_WITHOUT_SESSION):
        return
    now = datetime.now(UTC)
    session = db.session()
    found = queries.signed_in(session, token, now=now)
    if found is None:
        return
    if found.times.worth_touching(now):
        service.touch(session, found.session_hash, now=now)
        session.commit()
    g.signed_in = found
    g.viewer = _viewer(found)


def _viewer(found: SignedIn) -> Viewer:
    """The person in the school they look at, which the database session enters."""
    schools = staff_schools(found.roles_by_school)
    school_id = school_to_enter(found.school_id, schools)
    school, roles = None, frozenset[str]()
    if school_id is not None:
        enter_schools(db.session(), [school_id])
        school = queries.school_seen(db.session(), school_id)
        roles = found.roles_by_school[school_id]
    return Viewer(
        user_id=found.user_id,
        full_name=found.full_name,
        email=found.email,
        locale=found.locale,
        school=school,
        roles=roles,
        staff_schools=schools,
    )


def _sign_in_first() -> ResponseReturnValue:
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    if request.headers.get("HX-Request"):
        # a redirect would be followed silently and put the sign-in page inside a fragment
        page = local_path(urlsplit(request.headers.get("HX-Current-URL", "")).path)
        return Response(status=401, headers={"HX-Redirect": _sign_in_url(page)})
    if "text/event-stream" in request.headers.get("Accept", ""):
        return Response(status=401)  # ends the stream; a redirect would make it retry for ever
    return redirect(_sign_in_url(here), 303)


def _choose_school_first() -> ResponseReturnValue:
    if request.headers.get("HX-Request"):
        return Response(status=409, headers={"HX-Redirect": url_for("auth.schools")})
    return redirect(url_for("auth.schools"), 303)


def _sign_in_url(back_to: str | None) -> str:
    return url_for("auth.sign_in", next=back_to)
