"""Secure cards for some students of the demo school, beside their plain ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.cards.keys import CardKeys
from central.cards.models import Card
from central.cards.secure_service import NewSecureCard, issue_secure_card
from central.demo.school import plastic_card
from central.schools.models import SiteKey
from contracts.sun import number_key

EVERY: Final = 10  # students, one has a secure card: enough to see, few to wait for


def issue_demo_secure_cards(
    session: Session, school_id: int, box_key: bytes, keys: CardKeys, *, domain: str, now: datetime
) -> None:
    """Call once, when every student has a plain card."""
    students = session.scalars(
        select(Card.student_id)
        .where(Card.school_id == school_id, Card.student_id.is_not(None))
        .order_by(Card.student_id)
    )
    for student in list(students)[::EVERY]:
        uid = plastic_card(box_key, student or 0).uid
        new = NewSecureCard(student or 0, uid, domain, label=f"{student:04}S")
        issue_secure_card(session, school_id, new, keys, None, now=now)


def chips(
    session: Session, school_id: int, box_key: bytes, keys: CardKeys
) -> Mapping[int, Mapping[str, str]]:
    """What is on the emulated chips, by the student whose card it is."""
    site_key = session.scalars(select(SiteKey.key).where(SiteKey.school_id == school_id)).one()
    query = select(Card.student_id).where(Card.school_id == school_id, Card.kind == "sun")
    return {
        student: {
            "model": "424",
            "number_key": number_key(site_key).hex(),
            "mac_key": keys.card_key(school_id, plastic_card(box_key, student).uid).hex(),
        }
        for student in session.scalars(query)
        if student is not None
    }
