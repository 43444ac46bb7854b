"""How a gate's photo reaches the store: offered, put, said to be there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from apiflask import APIBlueprint
from flask import current_app, request
from pydantic import Field
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge, UnsupportedMediaType

from central.api.device_auth import calling_device, device_bearer
from central.api.fields import Answer, BodyWhole, Nothing, Request
from central.db import db
from central.errors import Busy
from central.media.photo_service import Offer, accept_offer, awaited_key, note_sent
from central.media.store import Store, StoreUnavailable
from contracts.photos import LARGEST_SEALED, PHOTO_ID

PREFIX: Final = "/api/v1/devices/me/photos"
CONTENT: Final = "application/octet-stream"
# A photo leaves a gate within seconds of its offer; a link that was seen by somebody is soon dead.
LINK_LIVES: Final = timedelta(minutes=5)

bp = APIBlueprint("api_device_photos", __name__, url_prefix=PREFIX, tag="Devices")
# Apart, because its body is no JSON.
content_bp = APIBlueprint("api_device_photo_content", __name__, url_prefix=PREFIX, tag="Devices")

PhotoId = Annotated[str, Field(pattern=f"^{PHOTO_ID.pattern}$")]


class NewPhoto(Request):
    id: Annotated[PhotoId, Field(description="As the tap names it")]
    size: Annotated[int, Field(ge=1, le=LARGEST_SEALED, description="Bytes, sealed"), BodyWhole]


class PhotoPath(Request):
    photo: PhotoId


class Empty(Request):
    """A body without anything to say."""


class TicketOut(Answer):
    held: Annotated[bool, Field(description="We have it, and the device may forget it")]
    put: Annotated[
        str | None,
        Field(description="An address for a PUT without a token, or a path of this API"),
    ]


@bp.post("")
@bp.auth_required(device_bearer)
@bp.input(Nothing, location="query")
@bp.input(NewPhoto)
@bp.output(TicketOut)
@bp.doc(operation_id="offer_photo", responses={409: "The school takes no photos"})
def offer_photo(query_data: Nothing, json_data: NewPhoto) -> Mapping[str, Any]:
    """Ask where to put a sealed photo. Repeating it is safe."""
    device = calling_device()
    session = db.session()
    offer = Offer(device.id, json_data.id, json_data.size)
    key = accept_offer(session, device.school_id, offer, now=datetime.now(UTC))
    session.commit()
    if key is None:
        return {"held": True, "put": None}
    address = _store().address_to_put(key, offer.size, LINK_LIVES)
    return {"held": False, "put": address or f"{PREFIX}/{offer.photo}/content"}


@content_bp.before_request
def _read_no_more_than_a_photo() -> None:
    request.max_content_length = LARGEST_SEALED


def _content() -> bytes:
    if request.mimetype != CONTENT:
        raise UnsupportedMediaType(f"send {CONTENT}")
    if request.content_length is None:
        raise LengthRequired
    if request.content_length > LARGEST_SEALED:
        raise RequestEntityTooLarge
    return request.get_data()


@content_bp.put("/<photo>/content")
@content_bp.auth_required(device_bearer)
@content_bp.input(PhotoPath, location="path")
@content_bp.input(Nothing, location="query")
@content_bp.output({}, status_code=204)
@content_bp.doc(
    operation_id="put_photo",
    responses={404: "Not offered, or opened already", 411: "Without a length"},
)
def put_photo(photo: str, path_data: PhotoPath, query_data: Nothing) -> str:
    """Put a sealed photo where gates cannot reach the store. The body is the sealed photo."""
    device, content = calling_device(), _content()
    key = awaited_key(db.session(), device.school_id, device.id, path_data.photo)
    db.session().rollback()  # nothing was changed; the store may take its time
    try:
        _store().put(key, content, CONTENT)
    except StoreUnavailable as error:
        raise Busy("the store does not answer") from error
    return ""


@bp.post("/<photo>/sent")
@bp.auth_required(device_bearer)
@bp.input(PhotoPath, location="path")
@bp.input(Nothing, location="query")
@bp.input(Empty)
@bp.output({}, status_code=204)
@bp.doc(operation_id="photo_sent", responses={404: "It was not offered"})
def photo_sent(photo: str, path_data: PhotoPath, query_data: Nothing, json_data: Empty) -> str:
    """Say that the photo was put. It is opened once its tap is here too, and only then."""
    device = calling_device()
    session = db.session()
    note_sent(session, device.school_id, device.id, path_data.photo, now=datetime.now(UTC))
    session.commit()
    return ""


def _store() -> Store:
    store: Store = current_app.extensions["documents"]
    return store
