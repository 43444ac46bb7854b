"""The sealed list that each gate keeps, and who can open it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.cards.models import Card
from central.errors import NotFound
from central.evacuation.inside_queries import contacts_of, inside_now
from central.evacuation.models import EvacuationOpener
from central.evacuation.sealing import OpenerKey, new_pin, opener_of_card, opener_of_pin
from central.schools.models import School
from contracts.evacuation import MAX_CONTACTS, Contact, Course, InsideList, Person

# Also without any change a list is sealed anew this often, so that its age says something.
ANEW_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Sealable:
    """A list and who may open it. ``version`` changes when a gate should fetch it again."""

    content: InsideList
    openers: Sequence[OpenerKey]

    def version(self, secret: str) -> str:
        """Keyed, so that whoever has a gate cannot test guesses of names against it."""
        timeless = replace(
            self.content,
            made_at=datetime.fromtimestamp(0, self.content.made_at.tzinfo),
            clock="",
        )
        digest = hmac.new(secret.encode(), timeless.to_json(), hashlib.sha256)
        for opener in self.openers:
            digest.update(opener.public_key)
        digest.update(str(int(self.content.made_at.timestamp()) // ANEW_SECONDS).encode())
        return digest.hexdigest()[:32]


def sealable(session: Session, school_id: int, *, now: datetime) -> Sealable | None:
    """What to seal for the school's gates; None while nobody could open it."""
    openers = [
        OpenerKey(public_key, salt)
        for public_key, salt in session.execute(
            select(EvacuationOpener.public_key, EvacuationOpener.salt)
            .outerjoin(
                Card,
                and_(
                    Card.school_id == EvacuationOpener.school_id,
                    Card.id == EvacuationOpener.card_id,
                ),
            )
            .where(
                EvacuationOpener.school_id == school_id,
                EvacuationOpener.revoked_at.is_(None),
                or_(EvacuationOpener.card_id.is_(None), Card.revoked_at.is_(None)),
            )
            .order_by(EvacuationOpener.id)
        )
    ]
    return Sealable(_inside_list(session, school_id, now), openers) if openers else None


def _inside_list(session: Session, school_id: int, now: datetime) -> InsideList:
    school = session.scalars(select(School).where(School.id == school_id)).one()
    zone = ZoneInfo(school.timezone)
    students = inside_now(session, school_id, now.astimezone(zone).date())
    contacts = contacts_of(session, school_id, [student.id for student in students])
    courses = [
        Course(
            name,
            tuple(
                Person(
                    name=f"{student.family_names}, {student.given_names}",
                    since=_clock(student.since, zone),
                    sure=student.sure,
                    contacts=tuple(
                        Contact(contact.name, contact.phone)
                        for contact in contacts.get(student.id, [])[:MAX_CONTACTS]
                    ),
                )
                for student in members
            ),
        )
        for name, members in groupby(students, lambda student: student.course)
    ]
    return InsideList(school.name, now, _clock(now, zone), school.locale, tuple(courses))


def _clock(moment: datetime | None, zone: ZoneInfo) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(zone)
    return f"{local.hour}:{local.minute:02}"


def has_pin(session: Session, school_id: int) -> bool:
    """Whether the school has a PIN for its gates' lists."""
    found = exists().where(
        EvacuationOpener.school_id == school_id,
        EvacuationOpener.salt.is_not(None),
        EvacuationOpener.revoked_at.is_(None),
    )
    return bool(session.scalar(select(found)))


def replace_pin(session: Session, school_id: int, user_id: int, *, now: datetime) -> str:
    """A new PIN instead of the one before, known from now on only to whoever reads it here."""
    session.execute(
        update(EvacuationOpener)
        .where(
            EvacuationOpener.school_id == school_id,
            EvacuationOpener.salt.is_not(None),
            EvacuationOpener.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    pin = new_pin()
    _add(session, school_id, user_id, None, opener_of_pin(pin))
    record(session, school_id, user_id, "evacuation_pin_replaced")
    return pin


def let_card_open(
    session: Session, school_id: int, card_id: int, token: bytes, user_id: int, *, now: datetime
) -> None:
    """Let a staff card open the lists. ``token`` is known only when a card is written or read.

    Raises NotFound for what is not a card of the staff.
    """
    staff_card = exists().where(
        Card.school_id == school_id, Card.id == card_id, Card.user_id.is_not(None)
    )
    if not session.scalar(select(staff_card)):
        raise NotFound("no such staff card")
    session.execute(
        update(EvacuationOpener)
        .where(
            EvacuationOpener.school_id == school_id,
            EvacuationOpener.card_id == card_id,
            EvacuationOpener.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    _add(session, school_id, user_id, card_id, opener_of_card(token))
    record(session, school_id, user_id, "evacuation_card_registered", f"card:{card_id}")


def _add(
    session: Session, school_id: int, user_id: int, card_id: int | None, key: OpenerKey
) -> None:
    session.add(
        EvacuationOpener(
            school_id=school_id,
            card_id=card_id,
            salt=key.salt,
            public_key=key.public_key,
            created_by=user_id,
        )
    )
    session.flush()
