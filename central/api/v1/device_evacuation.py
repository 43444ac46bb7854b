"""The sealed list of who is inside, which each gate keeps for when central is out of reach."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response, current_app, request

from central.api.device_auth import calling_device, device_bearer
from central.db import db
from central.errors import NotFound
from central.evacuation.sealed_service import sealable
from central.evacuation.sealing import seal
from central.settings import Settings

bp = APIBlueprint("api_device_evacuation", __name__, url_prefix="/api/v1/devices", tag="Devices")

_SEALED: Final[dict[str, Any]] = {
    "title": "SealedList",
    "type": "object",
    "required": ["device", "made_at", "wraps", "nonce", "sealed"],
    "properties": {
        "device": {"type": "string"},
        "made_at": {"type": "string", "format": "date-time"},
        "wraps": {
            "type": "array",
            "description": "The list's key, once for each PIN or card that opens it",
            "items": {
                "type": "object",
                "required": ["ephemeral", "opener", "wrapped"],
                "properties": {
                    "ephemeral": {"type": "string", "description": "X25519 public key, hex"},
                    "opener": {"type": "string", "description": "X25519 public key, hex"},
                    "wrapped": {"type": "string", "description": "AES-256-GCM, hex"},
                    "salt": {"type": "string", "description": "Of a PIN: for scrypt, hex"},
                },
            },
        },
        "nonce": {"type": "string", "description": "hex"},
        "sealed": {"type": "string", "description": "AES-256-GCM, base64"},
    },
}
_ANSWERS: Final[dict[int | str, Any]] = {
    200: {
        "description": "Who is inside, for those who can open it",
        "content": {"application/json": {"schema": _SEALED}},
    },
    304: {"description": "Nothing that matters changed since `If-None-Match`"},
    404: "The school has neither a PIN nor a card that could open it",
}


@bp.get("/me/evacuation-list")
@bp.auth_required(device_bearer)
@bp.doc(operation_id="fetch_evacuation_list", responses=_ANSWERS)
def evacuation_list() -> Response:
    """The list of who is inside, sealed for this device.

    The device cannot read it: only the school's PIN or a registered staff card opens it.
    """
    device, now = calling_device(), datetime.now(UTC)
    settings: Settings = current_app.extensions["settings"]
    found = sealable(db.session(), device.school_id, now=now)
    if found is None:
        raise NotFound("nobody could open a list")
    version = found.version(settings.secret_key)
    if request.if_none_match.contains_weak(version):
        response = Response(status=304)
    else:
        content = seal(found.content, device.id, found.openers).to_json()
        response = Response(content, mimetype="application/json")
    response.set_etag(version, weak=True)
    return response
