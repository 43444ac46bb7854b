"""Cards of whoever works at the school: staff cards, and the service cards of technicians."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from central.accounts.models import Membership
from central.accounts.service import record
from central.cards.models import Card
from central.errors import Conflict, NotFound
from central.schools.models import SiteKey
from contracts.cards import TOKEN_BYTES, card_digest

KINDS: Final = ("staff", "service")


@dataclass(frozen=True, slots=True)
class NewStaffCard:
    """``token`` is what is written on the card; ``label`` what is printed on it."""

    holder_id: int
    token: bytes
    kind: str = "staff"
    label: str = ""


def issue_staff_card(
    session: Session, school_id: int, new: NewStaffCard, issued_by: int | None, *, now: datetime
) -> int:
    """Let a card of the staff be known at the school's gates; its id.

    At a gate a ``staff`` card opens the evacuation list, once it was registered for that, and a
    ``service`` card makes the gate test itself. Raises NotFound for somebody who has no role in the
    school, and Conflict for a card that is known or malformed.
    """
    if new.kind not in KINDS or len(new.token) != TOKEN_BYTES:
        raise Conflict("not a card of the staff")
    works_here = exists().where(
        Membership.school_id == school_id, Membership.user_id == new.holder_id
    )
    if not session.scalar(select(works_here)):
        raise NotFound("nobody with a role in this school")
    digest = _digest(session, school_id, new.token)
    known = exists().where(Card.school_id == school_id, Card.digest == digest)
    if session.scalar(select(known)):
        raise Conflict("this card is somebody's already")
    card = Card(
        school_id=school_id,
        digest=digest,
        kind=new.kind,
        user_id=new.holder_id,
        label=new.label,
        issued_at=now,
    )
    session.add(card)
    session.flush()
    record(session, school_id, issued_by, f"{new.kind}_card_issued", f"card:{card.id}")
    return card.id


def _digest(session: Session, school_id: int, token: bytes) -> bytes:
    key = session.scalars(select(SiteKey.key).where(SiteKey.school_id == school_id)).one()
    return card_digest(key, token)
