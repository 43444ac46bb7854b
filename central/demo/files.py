"""The files that a demo needs outside the database: cards to tap, and what the gates run with."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.cards.keys import CardKeys
from central.demo.school import GATES, STAFF, plastic_card
from central.demo.secure_cards import chips
from central.demo.staff_cards import emulated_staff_cards
from central.devices.models import Device
from central.devices.roster_queries import roster_of
from central.identity.enrolment_service import issue_code
from central.people.models import Student
from central.schools.models import SiteKey
from central.schools.queries import today_at

FIRST_GATE = next(iter(GATES))
TOKEN_DOMAIN = "demo.example"  # noqa: S105  (a domain name, not a secret)


@dataclass(frozen=True, slots=True)
class DemoPlaces:
    """Where the demo keeps its files, and where its broker, gates and web listen.

    Without ``web`` the gates use the roster that is written for them and ask for no newer one.
    Of the two pages that a gate may serve there is none without a port.
    """

    out: Path
    run: Path  # links to emulated readers, and sockets: a short path, for the sockets' sake
    broker_host: str
    broker_port: int
    gates_port: int
    web: str | None = None
    screen_port: int | None = None  # of the first gate's screen
    evacuation_port: int | None = None  # of the first gate's list of who is inside

    def agent(self, device: str) -> Path:
        return self.out / "agents" / device

    def reader(self, device: str) -> Path:
        return self.run / f"{device}.tty"

    def camera(self, device: str) -> Path:
        return self.run / f"{device}.cam"

    def feedback(self, device: str) -> Path:
        return self.run / f"{device}.sock"


def kept_secret(path: Path, make: Any = secrets.token_hex) -> str:
    """The secret in ``path``, made on first use and readable by its owner only."""
    if not path.exists():
        write_private(path, make())
    return path.read_text().strip()


def write_files(
    session: Session,
    school_id: int,
    places: DemoPlaces,
    password: str,
    keys: CardKeys | None = None,
) -> None:
    """Write every file anew from what the database says; repeating is safe.

    ``keys`` are those of secure cards, where there are any.
    """
    box_key = bytes.fromhex(kept_secret(places.out / "cards.key"))
    students = list(session.scalars(select(Student.id).where(Student.school_id == school_id)))
    site_key = session.scalars(select(SiteKey.key).where(SiteKey.school_id == school_id)).one()
    write_private(places.out / "site.key", site_key.hex())
    write_private(places.out / "accounts.json", _json(_accounts(password)))
    secure = {} if keys is None else chips(session, school_id, box_key, keys)
    write_private(places.out / "cards.json", _json(_cards(box_key, students, secure)))
    write_private(places.out / "gates.json", _json(_gates(places)))
    today = today_at(session, school_id, now=datetime.now(UTC))
    roster = roster_of(session, school_id, today).to_json()
    for device in GATES:
        folder = places.agent(device)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "roster.json").write_bytes(roster)
        _invite(session, device, folder)
        (folder / "agent.toml").write_text(_agent_config(places, device))


def _invite(session: Session, device_id: str, folder: Path) -> None:
    """A one-time code with which the gate enrols itself, unless it has done so already."""
    if (folder / "identity" / "device.pem").exists():
        return
    device = session.scalars(select(Device).where(Device.id == device_id)).one()
    issued = issue_code(session, device, by=None, now=datetime.now(UTC))
    write_private(folder / "code", issued.code)


def _accounts(password: str) -> list[dict[str, str]]:
    return [
        {"role": role, "email": email, "password": password} for role, (email, _) in STAFF.items()
    ]


def _cards(
    box_key: bytes, students: Iterable[int], secure: Mapping[int, Mapping[str, str]]
) -> dict[str, Any]:
    cards = []
    for student in students:
        card = plastic_card(box_key, student)
        content = secure.get(student) or {
            "token": card.token.hex(),
            "model": "213" if student % 3 else "215",
        }
        cards.append({"student": student, "uid": card.uid.hex().upper(), **content})
    return {"domain": TOKEN_DOMAIN, "cards": cards, "staff": emulated_staff_cards(box_key)}


def _gates(places: DemoPlaces) -> dict[str, Any]:
    gates = [
        {
            "gate": device.removeprefix("demo-"),
            "device": device,
            "reader_link": str(places.reader(device)),
            "feedback_socket": str(places.feedback(device)),
            "camera_socket": str(places.camera(device)),
        }
        for device in GATES
    ]
    cards_file = str(places.out / "cards.json")
    return {"http_port": places.gates_port, "gates": gates, "cards_file": cards_file}


def _agent_config(places: DemoPlaces, device: str) -> str:
    folder = places.agent(device)
    identity = folder / "identity"
    return f"""\
device = {json.dumps(device)}
data_dir = {json.dumps(str(folder / "data"))}
clock = "host"

[broker]
host = {json.dumps(places.broker_host)}
port = {places.broker_port}
ca_file = {json.dumps(str(identity / "authorities.pem"))}
cert_file = {json.dumps(str(identity / "device.pem"))}
key_file = {json.dumps(str(identity / "device.key"))}
{_central_config(places, device)}
[site]
key_file = {json.dumps(str(identity / "site-key"))}
token_domain = {json.dumps(TOKEN_DOMAIN)}

[roster]
file = {json.dumps(str(folder / "roster.json"))}

[[readers]]
name = "r1"
driver = "nfcpy"
path = {json.dumps(str(places.reader(device)))}
direction = "auto"

[feedback]
kinds = {json.dumps(_feedback_kinds(places, device))}
socket = {json.dumps(str(places.feedback(device)))}
{_pages_config(places, device)}
[capture]
repeat_window_s = 45
"""


def _feedback_kinds(places: DemoPlaces, device: str) -> list[str]:
    return ["emulated", "screen"] if _has_screen(places, device) else ["emulated"]


def _has_screen(places: DemoPlaces, device: str) -> bool:
    return places.screen_port is not None and device == FIRST_GATE


def _pages_config(places: DemoPlaces, device: str) -> str:
    """The pages of the first gate: as if the machine's own network were the school's."""
    config = ""
    if _has_screen(places, device):
        config += f"""
[screen]
port = {places.screen_port}
"""
    if places.evacuation_port is not None and places.web is not None and device == FIRST_GATE:
        config += f"""
[evacuation]
host = "127.0.0.1"
port = {places.evacuation_port}
secure = false
"""
    return config


def _central_config(places: DemoPlaces, device: str) -> str:
    if places.web is None:
        return ""
    key_file = places.agent(device) / "identity" / "device.key"
    return f"""
[central]
url = {json.dumps(places.web)}
key_file = {json.dumps(str(key_file))}

[camera]
driver = "emulated"
socket = {json.dumps(str(places.camera(device)))}
"""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def write_private(path: Path, text: str) -> None:
    """One line for its owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text + "\n")
