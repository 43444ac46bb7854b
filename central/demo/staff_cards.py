"""What the demo's staff carry: cards for the gates, and the PIN of the evacuation list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import User
from central.cards.staff_service import NewStaffCard, issue_staff_card
from central.db import enter_schools
from central.demo.school import STAFF, PlasticCard, plastic_card
from central.evacuation.sealed_service import let_card_open, replace_pin

KINDS: Final[Mapping[str, str]] = dict.fromkeys(STAFF, "staff") | {"technician": "service"}


def staff_card(box_key: bytes, role: str) -> PlasticCard:
    """The card of the demo's one person in a role. Students' cards have positive numbers."""
    return plastic_card(box_key, -1 - list(STAFF).index(role))


def issue_demo_staff_cards(
    session: Session, school_id: int, box_key: bytes, *, now: datetime
) -> str:
    """A card for everybody who works at the demo school. Returns the PIN of its gates' lists."""
    enter_schools(session, [school_id])
    director = _user(session, "director")
    for role, kind in KINDS.items():
        token = staff_card(box_key, role).token
        new = NewStaffCard(_user(session, role), token, kind, label=role)
        card_id = issue_staff_card(session, school_id, new, director, now=now)
        if kind == "staff":
            let_card_open(session, school_id, card_id, token, director, now=now)
    return replace_pin(session, school_id, director, now=now)


def emulated_staff_cards(box_key: bytes) -> list[dict[str, Any]]:
    """The same cards for the emulated gates, by the role of their holder."""
    cards = ((role, staff_card(box_key, role)) for role in STAFF)
    return [
        {"name": role, "uid": card.uid.hex().upper(), "token": card.token.hex(), "model": "215"}
        for role, card in cards
    ]


def _user(session: Session, role: str) -> int:
    return session.scalars(select(User.id).where(User.email == STAFF[role][0])).one()
