"""The files that a demo needs outside the database: cards to tap, and what the gates run with."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.cards.models import Card
from central.demo.school import GATES, STAFF, plastic_card
from central.people.models import Student
from central.schools.models import SiteKey
from contracts.roster import Roster, RosterEntry

TOKEN_DOMAIN = "demo.example"  # noqa: S105  (a domain name, not a secret)


@dataclass(frozen=True, slots=True)
class DemoPlaces:
    """Where the demo keeps its files, and where its broker and emulated gates listen."""

    out: Path
    run: Path  # links to emulated readers, and sockets: a short path, for the sockets' sake
    broker_host: str
    broker_port: int
    gates_port: int

    def agent(self, device: str) -> Path:
        return self.out / "agents" / device

    def reader(self, device: str) -> Path:
        return self.run / f"{device}.tty"

    def feedback(self, device: str) -> Path:
        return self.run / f"{device}.sock"


def kept_secret(path: Path, make: Any = secrets.token_hex) -> str:
    """The secret in ``path``, made on first use and readable by its owner only."""
    if not path.exists():
        _write_private(path, make())
    return path.read_text().strip()


def write_files(session: Session, school_id: int, places: DemoPlaces, password: str) -> None:
    """Write every file anew from what the database says; repeating is safe."""
    box_key = bytes.fromhex(kept_secret(places.out / "cards.key"))
    students = list(session.scalars(select(Student.id).where(Student.school_id == school_id)))
    site_key = session.scalars(select(SiteKey.key).where(SiteKey.school_id == school_id)).one()
    _write_private(places.out / "site.key", site_key.hex())
    _write_private(places.out / "accounts.json", _json(_accounts(password)))
    _write_private(places.out / "cards.json", _json(_cards(box_key, students)))
    _write_private(places.out / "gates.json", _json(_gates(places)))
    roster = _roster(session, school_id).to_json()
    for device in GATES:
        folder = places.agent(device)
        folder.mkdir(parents=True, exist_ok=True)
        kept_secret(places.out / "broker" / f"{device}.password")
        (folder / "roster.json").write_bytes(roster)
        (folder / "agent.toml").write_text(_agent_config(places, device))


def _accounts(password: str) -> list[dict[str, str]]:
    return [
        {"role": role, "email": email, "password": password} for role, (email, _) in STAFF.items()
    ]


def _cards(box_key: bytes, students: Iterable[int]) -> dict[str, Any]:
    cards = []
    for student in students:
        card = plastic_card(box_key, student)
        model = "213" if student % 3 else "215"
        cards.append(
            {
                "student": student,
                "uid": card.uid.hex().upper(),
                "token": card.token.hex(),
                "model": model,
            }
        )
    return {"domain": TOKEN_DOMAIN, "cards": cards, "staff": []}


def _gates(places: DemoPlaces) -> dict[str, Any]:
    gates = [
        {
            "gate": device.removeprefix("demo-"),
            "device": device,
            "reader_link": str(places.reader(device)),
            "feedback_socket": str(places.feedback(device)),
        }
        for device in GATES
    ]
    cards_file = str(places.out / "cards.json")
    return {"http_port": places.gates_port, "gates": gates, "cards_file": cards_file}


def _roster(session: Session, school_id: int) -> Roster:
    rows = session.execute(
        select(Card.digest, Card.revoked_at, Student)
        .join(Student, (Student.school_id == Card.school_id) & (Student.id == Card.student_id))
        .where(Card.school_id == school_id)
        .order_by(Card.digest)
    )
    cards: Mapping[str, RosterEntry] = {
        digest.hex(): RosterEntry(
            name=_display_name(student),
            state="revoked" if revoked_at else "active",
            photo=student.photo_opt_in,
        )
        for digest, revoked_at, student in rows
    }
    content = Roster("unversioned", cards).to_json()
    return Roster(hashlib.sha256(content).hexdigest()[:16], cards)


def _display_name(student: Student) -> str:
    """As little as a greeting needs: the first name and an initial."""
    return f"{student.given_names.split()[0]} {student.family_names[0]}."


def _agent_config(places: DemoPlaces, device: str) -> str:
    folder = places.agent(device)
    password_file = places.out / "broker" / f"{device}.password"
    return f"""\
device = {json.dumps(device)}
data_dir = {json.dumps(str(folder / "data"))}
clock = "host"

[broker]
host = {json.dumps(places.broker_host)}
port = {places.broker_port}
username = {json.dumps(device)}
password_file = {json.dumps(str(password_file))}

[site]
key_file = {json.dumps(str(places.out / "site.key"))}
token_domain = {json.dumps(TOKEN_DOMAIN)}

[roster]
file = {json.dumps(str(folder / "roster.json"))}

[[readers]]
name = "r1"
driver = "nfcpy"
path = {json.dumps(str(places.reader(device)))}
direction = "auto"

[feedback]
kind = "emulated"
socket = {json.dumps(str(places.feedback(device)))}

[capture]
repeat_window_s = 45
"""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text + "\n")
