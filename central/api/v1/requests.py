"""What holds for a request to any resource, before its own schema is looked at."""

from __future__ import annotations

from typing import Final

from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from central.api.auth import REALM
from central.api.errors import invalid

LARGEST_BODY: Final = 16 * 1024  # nothing that a client sends here comes near it


def refuse_what_no_resource_takes() -> None:
    """A body that is not JSON, or no object, or too large, and a parameter given twice."""
    request.max_content_length = LARGEST_BODY
    if request.method in ("POST", "PUT", "PATCH") and request.mimetype != "application/json":
        raise UnsupportedMediaType("send application/json")
    if request.get_data().strip() == b"null":  # would pass for a body without any member
        raise invalid("json", "body", "must be an object")
    for name, values in request.args.lists():
        if len(values) > 1:  # which one was meant?
            raise invalid("query", name, "given more than once")


def name_the_scheme(response: Response) -> Response:
    """RFC 9110: a 401 says how to authenticate, the one for a wrong password too."""
    if response.status_code == 401:
        response.headers.setdefault("WWW-Authenticate", f'Bearer realm="{REALM}"')
    return response
