"""Devices as technicians register, let in and revoke them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from pydantic import Field

from central.api.auth import bearer, caller_who
from central.api.fields import Answer, Id, Moment, Nothing, OneOf, Request
from central.api.v1.scope import school_of
from central.db import db
from central.devices.models import Device
from central.devices.order_queries import device_at_gate
from central.devices.registration_service import DIRECTIONS, KINDS, gate_of, register
from central.errors import NotFound
from central.identity import enrolment_service, queries, revocation_service
from contracts.topics import DEVICE_ID

bp = APIBlueprint("api_device_register", __name__, url_prefix="/api/v1/gates", tag="Gates")

DeviceId = Annotated[str, Field(pattern=f"^{DEVICE_ID.pattern}$")]
_NO_DEVICE = {404: "No such device at this gate"}


class GatePath(Request):
    gate_id: Id


class DevicePath(GatePath):
    device: DeviceId


class NewDevice(Request):
    id: DeviceId
    kind: Annotated[str, OneOf(KINDS)] = "gate"
    direction: Annotated[str, OneOf(DIRECTIONS)] = "auto"


class Revocation(Request):
    reason: Annotated[str, Field(min_length=3, max_length=300)]


class RegisteredDeviceOut(Answer):
    id: str
    gate_id: int
    kind: str
    direction: str
    enrolled: Annotated[bool, Field(description="Whether it has a key of its own, or a token")]
    certificate_expires_at: Moment | None
    revoked_at: Moment | None


class CodeOut(Answer):
    code: Annotated[str, Field(description="Shown once; good for one attempt")]
    expires_at: Moment


@bp.post("/<int:gate_id>/devices")
@bp.auth_required(bearer)
@bp.input(GatePath, location="path")
@bp.input(Nothing, location="query")
@bp.input(NewDevice)
@bp.output(RegisteredDeviceOut, status_code=201)
@bp.doc(
    operation_id="register_device",
    responses={404: "No such gate", 409: "The id is taken, be it by another school"},
)
def register_device(
    gate_id: int, path_data: GatePath, query_data: Nothing, json_data: NewDevice
) -> RegisteredDeviceOut:
    """Register a device at a gate. It can do nothing before it is enrolled with a code."""
    viewer, session = caller_who("manage_gates"), db.session()
    device = register(
        session,
        gate_of(session, school_of(viewer), path_data.gate_id),
        json_data.id,
        kind=json_data.kind,
        direction=json_data.direction,
        by=viewer.user_id,
    )
    answer = _shown(device)
    session.commit()
    return answer


@bp.post("/<int:gate_id>/devices/<device>/code")
@bp.auth_required(bearer)
@bp.input(DevicePath, location="path")
@bp.input(Nothing, location="query")
@bp.input(Nothing)
@bp.output(CodeOut, status_code=201)
@bp.doc(
    operation_id="issue_enrolment_code",
    responses={**_NO_DEVICE, 409: "The device is revoked, or has no hardware"},
)
def issue_code(
    gate_id: int, device: str, path_data: DevicePath, query_data: Nothing, json_data: Nothing
) -> CodeOut:
    """A code with which the device is enrolled, once and within the hour. The last one ends."""
    viewer, session = caller_who("manage_gates"), db.session()
    found = _device(school_of(viewer), path_data)
    issued = enrolment_service.issue_code(session, found, by=viewer.user_id, now=datetime.now(UTC))
    session.commit()
    return CodeOut.model_validate(issued)


@bp.post("/<int:gate_id>/devices/<device>/revocation")
@bp.auth_required(bearer)
@bp.input(DevicePath, location="path")
@bp.input(Nothing, location="query")
@bp.input(Revocation)
@bp.output(RegisteredDeviceOut)
@bp.doc(operation_id="revoke_device", responses=_NO_DEVICE)
def revoke(
    gate_id: int, device: str, path_data: DevicePath, query_data: Nothing, json_data: Revocation
) -> RegisteredDeviceOut:
    """Put a device out of action: mute at the broker within seconds, refused here at once.

    It wipes what it knows when it learns of it. Repeating changes nothing.
    """
    viewer, session = caller_who("manage_gates"), db.session()
    found = _device(school_of(viewer), path_data)
    revocation_service.revoke(
        session, found, by=viewer.user_id, reason=json_data.reason, now=datetime.now(UTC)
    )
    return _committed(found)


@bp.post("/<int:gate_id>/devices/<device>/restoration")
@bp.auth_required(bearer)
@bp.input(DevicePath, location="path")
@bp.input(Nothing, location="query")
@bp.input(Nothing)
@bp.output(RegisteredDeviceOut)
@bp.doc(operation_id="restore_device", responses=_NO_DEVICE)
def restore(
    gate_id: int, device: str, path_data: DevicePath, query_data: Nothing, json_data: Nothing
) -> RegisteredDeviceOut:
    """Take a revocation back. A device that has learned of it needs a new code."""
    viewer, session = caller_who("manage_gates"), db.session()
    found = _device(school_of(viewer), path_data)
    revocation_service.restore(session, found, by=viewer.user_id)
    return _committed(found)


def _device(school_id: int, path: DevicePath) -> Device:
    found = device_at_gate(db.session(), school_id, path.gate_id, path.device)
    if found is None:
        raise NotFound("no such device at this gate")
    return found


def _committed(device: Device) -> RegisteredDeviceOut:
    db.session().refresh(device)
    answer = _shown(device)
    db.session().commit()
    return answer


def _shown(device: Device) -> RegisteredDeviceOut:
    newest = queries.newest_certificate(db.session(), device.school_id, device.id)
    values: dict[str, Any] = {
        "id": device.id,
        "gate_id": device.gate_id,
        "kind": device.kind,
        "direction": device.direction,
        "enrolled": device.public_key is not None or device.token_digest is not None,
        "certificate_expires_at": newest.expires_at if newest else None,
        "revoked_at": device.revoked_at,
    }
    return RegisteredDeviceOut(**values)
