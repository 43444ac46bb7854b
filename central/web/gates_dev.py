"""Development only: tap any card at an emulated gate, from a page or by curl.

``POST /dev/taps`` needs no sign-in from this machine, so that a script or a newcomer can use it.
That is safe because it exists in development only, takes JSON only, which no other site's page may
send without being allowed to, and refuses a request that says it comes from another site. For the
same reasons it is exempt from the form token (see ``security.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from flask import Blueprint, Flask, Response, current_app, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from central.attendance.student_queries import students_today
from central.db import db
from central.settings import Settings
from central.web.access import current_viewer, requires
from central.web.board_page import audience_of

LOOK_SECONDS: Final = 2.0
# longer than an emulated gate lets a card queue, so that it is the gate which says what is wrong
TAP_SECONDS: Final = 65.0

bp = Blueprint("dev_gates", __name__)


class Refused(Exception):
    """The request cannot be forwarded; the answer names the field."""

    def __init__(self, status: int, error: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.answer = {"error": error, "detail": detail} | ({"field": field} if field else {})


def register(app: Flask, settings: Settings) -> None:
    """Add the page where there are emulated gates, which is in development only."""
    if settings.development and settings.dev_gates_url:
        app.register_blueprint(bp)


@bp.errorhandler(Refused)
def refused(error: Refused) -> ResponseReturnValue:
    return jsonify(error.answer), error.status


@bp.get("/dev/gates")
@requires("try_gates")
def index() -> ResponseReturnValue:
    """The page: choose a gate, tap a card, or let the whole school arrive."""
    return render_template("dev/gates.html")


@bp.get("/dev/gates.json")
def gates() -> ResponseReturnValue:
    """The emulated gates and what their lights show, as the emulator says."""
    _check_who_asks()
    return jsonify(_ask("GET", "/gates", seconds=LOOK_SECONDS)[1])


@bp.get("/dev/students.json")
@requires("try_gates")
def students() -> ResponseReturnValue:
    """Every student of the school with their state now."""
    audience = audience_of(db.session(), current_viewer())
    today = datetime.now(UTC).astimezone(audience.zone).date()
    everyone = students_today(db.session(), audience.school_id, today)
    return jsonify(
        students=[
            {
                "id": student.id,
                "name": f"{student.given_names} {student.family_names}",
                "course": student.course,
                "state": student.state,
            }
            for student in everyone
        ]
    )


@bp.post("/dev/taps")
def tap() -> ResponseReturnValue:
    """Hold a card to a gate's reader: ``{"gate", "student" or "card", "repeat"}``.

    ``gate`` is an emulated gate's name or its device id; ``student`` an id; ``card`` ``unknown``,
    ``torn`` or ``blank``; ``repeat`` how many more times at once. The answer is the emulator's:
    what the child saw.
    """
    _check_who_asks()
    order = _order()
    status, answer = _ask("POST", "/present", order | {"gate": _gate_name(order)})
    return jsonify(answer), status


def _check_who_asks() -> None:
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise Refused(403, "foreign_origin", f"{origin} may not use the gates")
    viewer = g.get("viewer")
    signed_in = viewer is not None and viewer.may("try_gates")
    if not signed_in and not _asked_from_here():
        raise Refused(403, "not_from_here", "sign in, or ask from the machine itself")


def _asked_from_here() -> bool:
    """On this machine and under its own name: a page elsewhere can make its name mean loopback."""
    host = urlsplit(f"//{request.host}").hostname
    from_here = ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104
    return from_here and host in ("localhost", "127.0.0.1", "::1")


def _order() -> dict[str, Any]:
    if not request.is_json:
        raise Refused(415, "json_expected", "send application/json", "Content-Type")
    order = request.get_json(silent=True)
    if not isinstance(order, dict):
        raise Refused(400, "not_an_object", "the body is not a JSON object")
    return order


def _gate_name(order: Mapping[str, Any]) -> str:
    """The emulator's name for a gate that was named by it or by its device."""
    asked = order.get("gate")
    if not isinstance(asked, str):
        raise Refused(400, "missing_gate", "gate: name one, see /dev/gates.json", "gate")
    _, listed = _ask("GET", "/gates", seconds=LOOK_SECONDS)
    for gate in listed.get("gates", []):
        if asked in (gate["gate"], gate["device"]):
            return str(gate["gate"])
    known = ", ".join(gate["device"] for gate in listed.get("gates", []))
    raise Refused(404, "unknown_gate", f"gate: there is no {asked!r}; there are {known}", "gate")


def _ask(
    method: str, path: str, body: Mapping[str, Any] | None = None, *, seconds: float = TAP_SECONDS
) -> tuple[int, dict[str, Any]]:
    """The emulator's answer. Raises Refused when it gives none."""
    settings: Settings = current_app.extensions["settings"]
    address = settings.dev_gates_url.rstrip("/") + path
    try:
        answer = requests.request(method, address, json=body, timeout=seconds)
        return answer.status_code, dict(answer.json())
    except requests.Timeout as error:
        detail = f"no answer from the emulated gates in {seconds:g} s"
        raise Refused(504, "gates_silent", detail) from error
    except (requests.RequestException, ValueError) as error:
        detail = f"the emulated gates do not answer at {address}: are they running?"
        raise Refused(503, "gates_unreachable", detail) from error


@bp.after_request
def not_for_others(response: Response) -> Response:
    """Nothing here is for a cache or for another site."""
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
