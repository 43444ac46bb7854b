"""Each request under a name of its own: in the log, in the answer, and on an error page."""

from __future__ import annotations

import re
import time
from typing import Final
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

log = structlog.stdlib.get_logger(__name__)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_ASKED_ALL_THE_TIME: Final = ("/static/", "/health", "/metrics")


def register(app: Flask) -> None:
    app.before_request(_name)
    app.after_request(_report)
    app.teardown_request(lambda _: structlog.contextvars.unbind_contextvars("request_id"))


def _name() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
    g.started_at = time.perf_counter()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _report(response: Response) -> Response:
    """One line without query string or form: a search is a child's name."""
    response.headers["X-Request-ID"] = g.request_id
    if not request.path.startswith(_ASKED_ALL_THE_TIME) or response.status_code >= 500:
        log.info(
            "request",
            method=request.method,
            route=str(request.url_rule or "none"),
            status=response.status_code,
            ms=round((time.perf_counter() - g.started_at) * 1000, 1),
        )
    return response
