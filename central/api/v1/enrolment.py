"""How a device gets into the system and stays there: codes, certificates, whom it is to trust."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from apiflask import APIBlueprint
from flask import Response, current_app, jsonify, request
from pydantic import Field
from sqlalchemy.orm import Session

from central.api.device_auth import calling_device, device_bearer
from central.api.fields import Answer, Moment, Request
from central.db import db
from central.identity import authority_service, enrolment_service, queries
from central.identity.sealing import Safe
from central.identity.signing import LONGEST_REQUEST
from central.limits import limit_enrolment
from central.settings import Settings

bp = APIBlueprint("api_enrolment", __name__, url_prefix="/api/v1/devices", tag="Devices")

Csr = Annotated[
    str, Field(max_length=LONGEST_REQUEST, description="PKCS #10 in PEM, for a P-256 key")
]


class Enrolment(Request):
    code: Annotated[str, Field(min_length=1, max_length=enrolment_service.LONGEST_CODE)]
    csr: Csr


class CertificateRequest(Request):
    csr: Csr


class BrokerAddress(Answer):
    host: str
    port: int


class CertificateOut(Answer):
    certificate: Annotated[str, Field(description="PEM; its name is the device's id")]
    expires_at: Moment
    authorities: Annotated[str, Field(description="PEM, one after the other: whom to trust")]


class EnrolledOut(CertificateOut):
    device: str
    broker: BrokerAddress
    site_key: Annotated[str, Field(description="For card digests: 32 bytes as hex. Secret")]
    token_domain: Annotated[str, Field(description="Of the address on the school's cards")]


_IDENTITY: Final[dict[str, Any]] = {
    "title": "Identity",
    "type": "object",
    "required": ["authorities", "renew", "broker"],
    "properties": {
        "authorities": {"type": "string", "description": "PEM, one after the other"},
        "renew": {"type": "boolean", "description": "Whether to ask for a new certificate now"},
        "broker": {
            "type": "object",
            "required": ["host", "port"],
            "properties": {"host": {"type": "string"}, "port": {"type": "integer"}},
        },
    },
}
_ANSWERS: Final[dict[int | str, Any]] = {
    200: {
        "description": "Whom to trust, and whether the certificate is to be renewed",
        "content": {"application/json": {"schema": _IDENTITY}},
    },
    304: {"description": "As it was with `If-None-Match`"},
}


@bp.post("/enroll")
@limit_enrolment
@bp.input(Enrolment)
@bp.output(EnrolledOut, status_code=201)
@bp.doc(
    operation_id="enroll_device",
    responses={
        401: "The code is unknown, used or too old",
        409: "The signing request is of no use; the code is used up",
        429: "Too many wrong codes: try again after `Retry-After` seconds",
    },
)
def enroll(json_data: Enrolment) -> Mapping[str, Any]:
    """Exchange a one-time code and a signing request for a certificate.

    The name in the certificate is that of the device for which the code was made, whatever the
    request says. A code is used up by the attempt, also by one that fails.
    """
    session, now, settings = db.session(), datetime.now(UTC), _settings()
    redeemed = _redeem_for_good(session, json_data.code, "gate", now)
    issued = enrolment_service.enrol(session, redeemed, json_data.csr, _safe(), now=now)
    answer = {
        "device": redeemed.device_id,
        "certificate": issued.pem,
        "expires_at": issued.expires_at,
        "authorities": authority_service.trusted(session).pem,
        "broker": _broker(settings),
        "site_key": redeemed.site_key.hex(),
        "token_domain": settings.token_domain,
    }
    session.commit()
    return answer


@bp.post("/me/certificate")
@bp.auth_required(device_bearer)
@bp.input(CertificateRequest)
@bp.output(CertificateOut, status_code=201)
@bp.doc(operation_id="renew_certificate", responses={409: "The signing request is of no use"})
def renew(json_data: CertificateRequest) -> Mapping[str, Any]:
    """A new certificate for the key of the device; the last one stays good until its end."""
    device, session, now = calling_device(), db.session(), datetime.now(UTC)
    issued = enrolment_service.renew(
        session, device.school_id, device.id, json_data.csr, _safe(), now=now
    )
    answer = {
        "certificate": issued.pem,
        "expires_at": issued.expires_at,
        "authorities": authority_service.trusted(session).pem,
    }
    session.commit()
    return answer


@bp.get("/me/identity")
@bp.auth_required(device_bearer)
@bp.doc(operation_id="fetch_identity", responses=_ANSWERS)
def identity() -> Response:
    """Whom the device should trust, and whether it should renew its certificate.

    A device that sends the `ETag` back shows that it holds these authorities.
    """
    device, session = calling_device(), db.session()
    trusted = authority_service.trusted(session)
    renew_now = queries.to_be_renewed(session, device.school_id, device.id, now=datetime.now(UTC))
    broker = _broker(_settings())
    said = f"{trusted.version} {renew_now} {broker}"
    version = hashlib.sha256(said.encode()).hexdigest()[:16]
    if request.if_none_match.contains(version):
        enrolment_service.note_trust(session, device.school_id, device.id, trusted.version)
        session.commit()
        response = Response(status=304)
    else:
        response = jsonify(authorities=trusted.pem, renew=renew_now, broker=broker)
    response.set_etag(version)
    return response


def _redeem_for_good(
    session: Session, code: str, kind: str, now: datetime
) -> enrolment_service.Redeemed:
    """Commit the use of the code, whatever follows."""
    try:
        return enrolment_service.redeem(session, code, kind=kind, now=now)
    finally:
        session.commit()


def _broker(settings: Settings) -> dict[str, Any]:
    return {"host": settings.mqtt_public_host, "port": settings.mqtt_public_port}


def _safe() -> Safe:
    return Safe(_settings().identity_secret)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
