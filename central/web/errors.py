"""Failures as answers: a page that says what to do, or problem+json (RFC 9457) below ``/api/``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from flask import Flask, Response, g, render_template, request
from flask_babel import lazy_gettext as _l
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from central.errors import Busy, Conflict, DomainError, NotAllowed, NotFound, WrongCredentials
from central.limits import limiter
from central.problems import problem

STATUSES: Final[Mapping[type[DomainError], int]] = {
    NotFound: 404,
    NotAllowed: 403,
    Conflict: 409,
    WrongCredentials: 401,
    Busy: 503,
}

# status -> what happened, and what to do
PAGES: Final = {
    400: (
        _l("That request could not be understood"),
        _l("Go back and try once more. If the page was open for long, reload it first."),
    ),
    403: (
        _l("You may not see this page"),
        _l("Your role in this school does not include it. Ask the director if you need it."),
    ),
    404: (_l("There is nothing here"), _l("The address may be old or mistyped.")),
    405: (_l("That does not work here"), _l("Go back and try from the page itself.")),
    409: (
        _l("Somebody changed this meanwhile"),
        _l("Reload the page to see how it is now, then try again."),
    ),
    413: (_l("That file is too large"), _l("Send a smaller one.")),
    429: (
        _l("Too many attempts"),
        _l("To protect the accounts, wait a few minutes and try again."),
    ),
    500: (
        _l("Something failed on our side"),
        _l("Try again. If it goes on, give the code below to whoever looks after the system."),
    ),
    503: (
        _l("The system is not ready"),
        _l("It is starting or very busy. The gates go on working. Try again in a moment."),
    ),
}  # fmt: skip


def register(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _form_refused)
    app.register_error_handler(RateLimitExceeded, _too_many)
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(OperationalError, _database_away)


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None or error.code is None or error.code < 400:
        return error  # a redirect, or an answer that is complete already
    response = _answer(error.code, detail=error.description or "")
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _form_refused(error: CSRFError) -> Response:
    return _answer(400, code="form_expired")


def _too_many(error: RateLimitExceeded) -> Response:
    response = _answer(429, code="too_many_requests")
    limit = limiter.current_limit
    wait = max(1, round(limit.reset_at - time.time())) if limit is not None else 60
    response.headers["Retry-After"] = str(wait)
    return response


def _domain_error(error: DomainError) -> Response:
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 400)
    response = _answer(status, code=error.code, detail=error.detail)
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


def _database_away(error: OperationalError) -> Response:
    """PostgreSQL restarting is nobody's mistake: say so instead of failing."""
    g.viewer = None  # the page must not ask the database for anything
    response = _answer(503, code="database_unavailable")
    response.headers["Retry-After"] = "5"
    return response


def _answer(status: int, *, code: str = "", detail: str = "") -> Response:
    if request.path.startswith("/api/"):
        return problem(status, code, detail)
    title, advice = PAGES.get(status) or PAGES[400 if status < 500 else 500]
    page = render_template("errors/error.html", status=status, title=title, advice=advice)
    return Response(page, status=status)
