"""The files with which a technician makes a gate of a blank machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

from apiflask import APIBlueprint
from flask import Response, current_app
from pydantic import Field

from central.api.auth import bearer, caller_who
from central.api.fields import Nothing, OneOf, Request
from central.api.v1.device_register import DevicePath
from central.api.v1.scope import school_of
from central.db import db
from central.devices.order_queries import device_at_gate
from central.errors import NotFound
from central.media.store import Store
from central.provisioning.service import Surroundings, Wishes, boot_archive
from central.settings import Settings
from contracts.provisioning import ANSWERS, MOST_READERS, ReaderGiven, Wifi

bp = APIBlueprint("api_boot_files", __name__, url_prefix="/api/v1/gates", tag="Gates")

_ARCHIVE: Final[dict[int | str, Any]] = {
    200: {
        "description": "A zip archive, to be unpacked onto the boot partition",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    },
    404: "No such device at this gate",
    409: "The device is revoked, no release is published, or no gate understands this",
    503: "Try again",
}


class ReaderIn(Request):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:+-]{0,63}$")] = "entrada"
    driver: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,30}$")] = "nfcpy"
    path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._/+-]{1,200}|[A-Za-z0-9:._+-]{1,200})$")] = (
        "tty:AMA0:pn532"
    )


class WifiIn(Request):
    ssid: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,32}$")]
    password: Annotated[
        str | None, Field(pattern=r"^[\x20-\x7e]{8,63}$", description="Null: an open network")
    ] = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1")] = "CL"


class NewBootFiles(Request):
    readers: Annotated[tuple[ReaderIn, ...], Field(min_length=1, max_length=MOST_READERS)] = (
        ReaderIn(),
    )
    wifi: Annotated[WifiIn | None, Field(description="Null: a cable")] = None
    locale: Annotated[str, OneOf(("es", "en"))] = "es"
    answers: Annotated[
        tuple[Annotated[str, OneOf(ANSWERS)], ...],
        Field(max_length=len(ANSWERS), description="How people are answered at the gate"),
    ] = ()
    evacuation_list: Annotated[
        bool, Field(strict=True, description="Whether this gate serves it in the school's network")
    ] = False


@bp.post("/<int:gate_id>/devices/<device>/boot-files")
@bp.auth_required(bearer)
@bp.input(DevicePath, location="path")
@bp.input(Nothing, location="query")
@bp.input(NewBootFiles)
@bp.doc(operation_id="make_boot_files", responses=_ARCHIVE)
def boot_files(
    gate_id: int, device: str, path_data: DevicePath, query_data: Nothing, json_data: NewBootFiles
) -> Response:
    """Everything for the boot partition of this device's SD card, with a new one-time code in it.

    The code is good for an hour and ends the one before. Keep the archive to yourself and delete it
    afterwards: it also holds the password of the Wi-Fi.
    """
    viewer, session = caller_who("manage_gates"), db.session()
    found = device_at_gate(session, school_of(viewer), path_data.gate_id, path_data.device)
    if found is None:
        raise NotFound("no such device at this gate")
    archive = boot_archive(
        session,
        _store(),
        found,
        _wishes(json_data),
        by=viewer.user_id,
        now=datetime.now(UTC),
    )
    session.commit()
    response = Response(archive, mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{path_data.device}.zip"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _wishes(given: NewBootFiles) -> Wishes:
    wifi = given.wifi
    return Wishes(
        readers=tuple(ReaderGiven(one.name, one.driver, one.path) for one in given.readers),
        wifi=None if wifi is None else Wifi(wifi.ssid, wifi.password, wifi.country),
        locale=given.locale,
        answers=given.answers,
        evacuation_list=given.evacuation_list,
        surroundings=_surroundings(),
    )


def _surroundings() -> Surroundings:
    settings: Settings = current_app.extensions["settings"]
    authority = Path(settings.web_ca_file).read_text() if settings.web_ca_file else None
    return Surroundings(settings.webauthn_rp_origin, authority, settings.release_keys)


def _store() -> Store:
    store: Store = current_app.extensions["documents"]
    return store
