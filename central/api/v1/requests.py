"""What holds for a request to any resource, before its own schema is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from central.api.auth import REALM, bearer
from central.api.errors import invalid
from central.media.document_rules import LARGEST_DOCUMENT, LARGEST_SIGNATURE

LARGEST_BODY: Final = 16 * 1024  # nothing else that a client sends here comes near it
# A file in base64, with what is said of it.
WITH_A_FILE: Final[Mapping[str, int]] = {
    "api_absences.ask": LARGEST_BODY + LARGEST_DOCUMENT * 4 // 3,
    "api_withdrawals.let_go": LARGEST_BODY + LARGEST_SIGNATURE * 4 // 3,
}


def refuse_what_no_resource_takes() -> None:
    """A body that is not JSON, or no object, or too large, and a parameter given twice."""
    request.max_content_length = _largest_body()
    if request.method in ("POST", "PUT", "PATCH") and request.mimetype != "application/json":
        raise UnsupportedMediaType("send application/json")
    if request.get_data().strip() == b"null":  # would pass for a body without any member
        raise invalid("json", "body", "must be an object")
    for name, values in request.args.lists():
        if len(values) > 1:  # which one was meant?
            raise invalid("query", name, "given more than once")


def _largest_body() -> int:
    """Nobody unknown makes us read a file; a view asks again who they are, and whether they may."""
    larger = WITH_A_FILE.get(request.endpoint or "")
    if larger is None or not bearer.authenticate(bearer.get_auth(), None):
        return LARGEST_BODY
    return larger


def name_the_scheme(response: Response) -> Response:
    """RFC 9110: a 401 says how to authenticate, the one for a wrong password too."""
    if response.status_code == 401:
        response.headers.setdefault("WWW-Authenticate", f'Bearer realm="{REALM}"')
    return response
