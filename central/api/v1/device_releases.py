"""How a device learns of a new version of its software, gets it, and says what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from apiflask import APIBlueprint
from flask import Response, current_app
from pydantic import Field

from central.api.device_auth import calling_device, device_bearer
from central.api.fields import Answer, Nothing, Offset, OneOf, Request
from central.db import db
from central.media.store import Store
from central.releases import service
from contracts.releases import STATES

bp = APIBlueprint("api_device_releases", __name__, url_prefix="/api/v1/devices", tag="Devices")

# A line of a school in the country carries this in a few seconds; what was cut off is asked again.
SLICE_BYTES: Final = 1024 * 1024
VersionText = Annotated[str, Field(pattern=r"^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}$")]


class SliceQuery(Request):
    version: VersionText
    first: Offset


class OfferOut(Answer):
    version: str
    sha256: str
    size: Annotated[int, Field(description="Bytes")]


class Outcome(Request):
    version: VersionText
    state: Annotated[str, OneOf(tuple(sorted(STATES)))]
    reason: Annotated[str | None, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = None


_SLICE: Final[dict[int | str, Any]] = {
    200: {
        "description": "At most a mebibyte; nothing beyond the end",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    404: "There is no such release",
    503: "Try again",
}


@bp.get("/me/release")
@bp.auth_required(device_bearer)
@bp.input(Nothing, location="query")
@bp.output(OfferOut)
@bp.doc(
    operation_id="fetch_release",
    responses={204: "Nothing to install now"},
)
def release(query_data: Nothing) -> Any:
    """The version that this device should install now."""
    device, session = calling_device(), db.session()
    found = service.offered(session, device.school_id, device.id, now=datetime.now(UTC))
    answer = None if found is None else OfferOut.model_validate(found)
    session.commit()
    return answer if answer is not None else Response(status=204)


@bp.get("/me/release/content")
@bp.auth_required(device_bearer)
@bp.input(SliceQuery, location="query")
@bp.doc(operation_id="fetch_release_content", responses=_SLICE)
def content(query_data: SliceQuery) -> Response:
    """A slice of a release from byte `first` on."""
    calling_device()
    store: Store = current_app.extensions["documents"]
    part = service.content_of(
        db.session(), store, query_data.version, query_data.first, SLICE_BYTES
    )
    return Response(part, mimetype="application/octet-stream")


@bp.post("/me/release")
@bp.auth_required(device_bearer)
@bp.input(Nothing, location="query")
@bp.input(Outcome)
@bp.output({}, status_code=204)
@bp.doc(operation_id="report_release")
def report(query_data: Nothing, json_data: Outcome) -> str:
    """How an update stands at this device. A failure stops the spreading of that version."""
    device, session = calling_device(), db.session()
    service.report(
        session,
        device.school_id,
        device.id,
        json_data.version,
        (json_data.state, json_data.reason),
        now=datetime.now(UTC),
    )
    session.commit()
    return ""
