"""What a device fetches for itself. It proves who it is by a token of its own."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, request

from central.api.device_auth import calling_device, device_bearer
from central.db import db
from central.devices.roster_queries import known_version, roster_of
from central.schools.queries import today_at

bp = APIBlueprint("api_devices", __name__, url_prefix="/api/v1/devices", tag="Devices")

# 5,000 cards in 20 ms, to a third of their size; more effort gains few bytes for its time.
PACKING: Final = 6
_ROSTER: Final[dict[str, Any]] = {
    "title": "Roster",
    "type": "object",
    "required": ["version", "cards"],
    "properties": {
        "version": {"type": "string"},
        "photo_key": {
            "type": "string",
            "description": "X25519 public key, hex, to seal photos to; without it none are taken",
        },
        "cards": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["digest", "name", "state", "photo"],
                "properties": {
                    "digest": {"type": "string", "description": "Keyed, of the card's token"},
                    "name": {"type": "string", "description": "Short, for the screen"},
                    "state": {"enum": ["active", "staff", "revoked", "not_today"]},
                    "photo": {"type": "boolean", "description": "Whether to take one"},
                },
            },
        },
    },
}


_ANSWERS: Final[dict[int | str, Any]] = {
    200: {
        "description": "The cards of the device's school",
        "content": {"application/json": {"schema": _ROSTER}},
    },
    304: {"description": "It is still the version of `If-None-Match`"},
}


@bp.get("/me/roster")
@bp.auth_required(device_bearer)
@bp.doc(operation_id="fetch_roster", responses=_ANSWERS)
def roster() -> Response:
    """The cards that a gate should know.

    The `ETag` is a hash of the content; a device that sends it back is answered 304 until a card
    changes. Packed by gzip for who accepts it.
    """
    device = calling_device()
    session = db.session()
    on_date = today_at(session, device.school_id, now=datetime.now(UTC))
    known = known_version(session, device.school_id, on_date)
    if known is not None and request.if_none_match.contains_weak(known):
        return _named(Response(status=304), known)
    return _whole(device.school_id, on_date)


def _whole(school_id: int, on_date: date) -> Response:
    content = roster_of(db.session(), school_id, on_date)
    if request.if_none_match.contains_weak(content.version):
        return _named(Response(status=304), content.version)
    response = Response(content.to_json(), mimetype="application/json")
    if request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(response.get_data(), PACKING))
        response.headers["Content-Encoding"] = "gzip"
    return _named(response, content.version)


def _named(response: Response, version: str) -> Response:
    response.set_etag(version, weak=True)  # of the content, however it is packed
    response.vary.add("Accept-Encoding")
    return response
