"""The OpenAPI document: generated from views and schemas, and completed where APIFlask stops."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final

from apiflask import APIFlask
from flask import Response, make_response, request
from flask.typing import ResponseReturnValue

from central.problems import MEDIA_TYPE

PREFIX: Final = "/api/"
_SCHEMAS: Final = "#/components/schemas/"

DESCRIPTION: Final = """
Read a school's students, taps, attendance days, messages and gates. Every answer is about the one
school of the token. Times are RFC 3339 in UTC; dates are those of the school's own calendar.

Lists come in pages: pass `next` of an answer as `cursor` of the following request, with the same
filters, until it is null. An unknown parameter is refused, so a misspelt filter is not ignored.

Failures are `application/problem+json` (RFC 9457) with a stable `code`.
"""

PROBLEM: Final = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable, for programs"},
        "detail": {"type": "string", "description": "For people"},
        "request_id": {"type": "string", "description": "Finds the request in the logs"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "field", "message"],
                "properties": {
                    "in": {"type": "string", "enum": ["body", "path", "query"]},
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
# what can happen to any request of a kind, so that no view needs to repeat it
_BODY_REFUSED: Final = {
    "400": "The body is not JSON",
    "413": "The body is too large",
    "415": "The body is not `application/json`",
}
_NOT_ALLOWED: Final = {"403": "The caller's roles do not include it"}
_UNAVAILABLE: Final = {"503": "Busy or starting: try again after `Retry-After` seconds"}


def register(app: APIFlask) -> None:
    app.config.update(
        SERVERS=[{"url": "/"}],  # else the Host header of the first request, whoever sent it
        DESCRIPTION=DESCRIPTION.strip(),
        HTTP_ERROR_SCHEMA=PROBLEM,
        VALIDATION_ERROR_SCHEMA=PROBLEM,
        AUTH_ERROR_DESCRIPTION="The access token is missing, expired or not ours",
        SPEC_DECORATORS=[_revalidated],
    )
    app.spec_processor(complete)  # type: ignore[arg-type]  # text only if the format were YAML


def complete(spec: dict[str, Any]) -> dict[str, Any]:
    """The document of the API alone, with what holds for whole kinds of operations."""
    spec["paths"] = {path: item for path, item in spec["paths"].items() if path.startswith(PREFIX)}
    for operation in _operations(spec):
        for parameter in operation["parameters"]:
            parameter["schema"] = _without_null(parameter["schema"])
        _add(operation, _UNAVAILABLE)
        if "security" in operation:
            _add(operation, _NOT_ALLOWED)
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
            _add(operation, _BODY_REFUSED)
        for status, response in operation["responses"].items():
            if status >= "400":
                response["content"] = {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
    schemas = spec["components"]["schemas"]
    schemas["Problem"] = PROBLEM
    for unused in ("HTTPError", "ValidationError"):
        schemas.pop(unused, None)
    return _plainly_named(spec)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is absent or has a value: a query string knows no null."""
    kinds: list[dict[str, Any]] = [
        kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}
    ]
    if len(kinds) != 1:
        return schema
    return {key: schema[key] for key in ("description", "title") if key in schema} | kinds[0]


def _plainly_named(spec: dict[str, Any]) -> dict[str, Any]:
    """``TapPage.TapOut`` is called ``Tap``, once, as a client's generated code would have it."""
    names = {
        name: name.rpartition(".")[2].removesuffix("Out") for name in spec["components"]["schemas"]
    }
    text = json.dumps(spec)
    for name, plain in names.items():
        text = text.replace(f'"{_SCHEMAS}{name}"', f'"{_SCHEMAS}{plain}"')
    named: dict[str, Any] = json.loads(text)
    schemas = named["components"]["schemas"]
    named["components"]["schemas"] = {names[name]: schema for name, schema in schemas.items()}
    for name, schema in named["components"]["schemas"].items():
        schema["title"] = name
    return named


def _operations(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in spec["paths"].values():
        yield from item.values()


def _add(operation: dict[str, Any], responses: dict[str, str]) -> None:
    for status, description in responses.items():
        operation["responses"].setdefault(status, {"description": description})


def _revalidated(view: Callable[[], ResponseReturnValue]) -> Callable[[], Response]:
    """The document changes only with a new version, so a client that has it need not load it."""

    @wraps(view)
    def answer() -> Response:
        response = make_response(view())
        response.headers["Cache-Control"] = "no-cache"
        response.add_etag()
        response.make_conditional(request)
        return response

    return answer
