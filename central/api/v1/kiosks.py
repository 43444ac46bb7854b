"""Web kiosks: paired once by the installation's key and a code, then known by their own token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import current_app
from pydantic import Field

from central.api.fields import Answer, Nothing, Request
from central.api.kiosk_auth import calling_kiosk, kiosk_bearer
from central.db import db
from central.devices.queries import place_of
from central.errors import WrongCredentials
from central.identity import enrolment_service, kiosk_service
from central.limits import limit_enrolment
from central.settings import Settings

bp = APIBlueprint("api_kiosks", __name__, url_prefix="/api/v1/kiosks", tag="Devices")


class Pairing(Request):
    key: Annotated[str, Field(min_length=1, max_length=200, description="`DEVICE_API_KEY`")]
    code: Annotated[str, Field(min_length=1, max_length=enrolment_service.LONGEST_CODE)]


class PairedOut(Answer):
    device: str
    token: Annotated[str, Field(description="The kiosk's bearer token. Shown once")]


class KioskOut(Answer):
    device: str
    gate_id: int
    gate: str
    direction: str


@bp.post("/pair")
@limit_enrolment
@bp.input(Pairing)
@bp.output(PairedOut, status_code=201)
@bp.doc(
    operation_id="pair_kiosk",
    responses={
        401: "The key is wrong, or the code is unknown, used or too old",
        429: "Too many wrong codes: try again after `Retry-After` seconds",
    },
)
def pair(json_data: Pairing) -> Mapping[str, Any]:
    """Exchange the installation's key and a one-time code for a kiosk's own token.

    The key alone opens nothing, and no kiosk needs to keep it. The code is used up by the attempt.
    """
    session, now = db.session(), datetime.now(UTC)
    settings: Settings = current_app.extensions["settings"]
    try:
        redeemed = enrolment_service.redeem(session, json_data.code, kind="kiosk", now=now)
    finally:
        session.commit()
    if not hmac.compare_digest(json_data.key.encode(), settings.device_api_key.encode()):
        raise WrongCredentials("the key is wrong, or the code")
    token = kiosk_service.pair(session, redeemed)
    session.commit()
    return {"device": redeemed.device_id, "token": token}


@bp.get("/me")
@bp.auth_required(kiosk_bearer)
@bp.input(Nothing, location="query")
@bp.output(KioskOut)
@bp.doc(operation_id="show_kiosk")
def me(query_data: Nothing) -> Mapping[str, Any]:
    """Which kiosk this is, and at which gate it stands."""
    kiosk = calling_kiosk()
    place = place_of(db.session(), kiosk.school_id, kiosk.id)
    return {
        "device": kiosk.id,
        "gate_id": place.gate_id,
        "gate": place.gate,
        "direction": place.direction,
    }
