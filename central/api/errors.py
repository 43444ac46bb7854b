"""APIFlask's own failures in the API's one form; the others are translated for pages and API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from apiflask import APIFlask, HTTPError
from flask import Response

from central.problems import problem

# what APIFlask calls the places where a value may stand -> what the OpenAPI document calls them
_PLACES: Final = {"json": "body", "path": "path", "query": "query"}


def register(app: APIFlask) -> None:
    # Not `app.error_processor`, which would also take over every HTTP error of the pages.
    app.error_callback = _answer


def invalid(place: str, field: str, message: str) -> HTTPError:
    """A well-formed request with a value that cannot be accepted, to be raised: status 422."""
    return HTTPError(422, detail={place: {field: [message]}})


def _answer(error: HTTPError) -> Response:
    wrong = list(_wrong_fields(error.detail)) if isinstance(error.detail, Mapping) else []
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in wrong)
    response = problem(error.status_code, "invalid_request" if wrong else "", detail, wrong)
    response.headers.extend(dict(error.headers))
    return response


def _wrong_fields(detail: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for place, fields in detail.items():
        for field, messages in fields.items():
            for message in messages:
                yield {"in": _PLACES.get(place, place), "field": field, "message": message}
