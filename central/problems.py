"""Failures as programs read them: problem+json (RFC 9457), one form for the whole API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from flask import Response, g

MEDIA_TYPE: Final = "application/problem+json"


def problem(
    status: int,
    code: str = "",
    detail: str = "",
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    """The answer for a failure. ``code`` is stable, for programs; ``detail`` is for people.

    ``errors`` name what was wrong with the request: where (``in``), which ``field``, and why.
    """
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code or title.lower().replace(" ", "_"),
        "detail": detail or title,
        "request_id": g.get("request_id", ""),
    }
    if errors:
        body["errors"] = list(errors)
    return Response(json.dumps(body), status=status, mimetype=MEDIA_TYPE)
