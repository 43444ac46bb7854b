"""Secure cards: making one a student's, and what must be written on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.cards.keys import CardKeys
from central.cards.models import Card
from central.errors import Conflict, NotFound
from central.people.models import Student
from central.schools.models import School, SiteKey
from contracts.sun import MAC_BYTES, PICC_BYTES, UID_BYTES, number_key, sun_digest, sun_uri

# Before the link in the file: two bytes of length and the header of a record of one link
# (NFC Forum, URI record type definition), in which "https://" is a single byte.
_BEFORE_LINK: Final = 2 + 5
_SCHEME: Final = "https://"


@dataclass(frozen=True, slots=True)
class NewSecureCard:
    """``uid`` is the chip's number; ``domain`` that of the school's cards, as gates know it."""

    student_id: int
    uid: bytes
    domain: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Encoding:
    """What an encoder writes on the chip: a link, where the chip fills it in, and three keys.

    Key 1 encrypts number and counter, key 2 makes the MAC; key 0, which may change all of it,
    must not stay that of the factory. Offsets are those of SDM in the NDEF file (NXP AN12196).
    """

    card_id: int
    link: str
    picc_offset: int
    mac_offset: int
    change_key: bytes
    number_key: bytes
    mac_key: bytes


def issue_secure_card(
    session: Session,
    school_id: int,
    new: NewSecureCard,
    keys: CardKeys,
    issued_by: int | None,
    *,
    now: datetime,
) -> Encoding:
    """Let a secure card be a student's. Raises NotFound, and Conflict for a card that is known."""
    if len(new.uid) != UID_BYTES:
        raise Conflict(f"the number of an NTAG 424 DNA has {UID_BYTES} bytes")
    its_student = exists().where(Student.school_id == school_id, Student.id == new.student_id)
    if not session.scalar(select(its_student)):
        raise NotFound(f"student {new.student_id}")
    site_key = session.scalars(select(SiteKey.key).where(SiteKey.school_id == school_id)).one()
    digest = sun_digest(site_key, new.uid)
    known = exists().where(Card.school_id == school_id, Card.digest == digest)
    if session.scalar(select(known)):
        raise Conflict("this card is somebody's already")
    card = Card(
        school_id=school_id,
        digest=digest,
        kind="sun",
        student_id=new.student_id,
        label=new.label,
        issued_at=now,
    )
    session.add(card)
    session.flush()
    record(session, school_id, issued_by, "secure_card_issued", f"card:{card.id}")
    return _encoding(card.id, new, (school_id, site_key), keys)


def take_uid_cards(session: Session, school_id: int, *, allowed: bool) -> None:
    """Say whether the school takes cards that it knows by their UID alone; its gates hear of it."""
    session.execute(update(School).where(School.id == school_id).values(uid_cards=allowed))
    word = "uid_cards_allowed" if allowed else "uid_cards_refused"
    record(session, school_id, None, word, f"school:{school_id}")


def _encoding(
    card_id: int, new: NewSecureCard, school: tuple[int, bytes], keys: CardKeys
) -> Encoding:
    school_id, site_key = school
    link = sun_uri(new.domain, bytes(PICC_BYTES), bytes(MAC_BYTES))
    in_file = link.removeprefix(_SCHEME)
    return Encoding(
        card_id=card_id,
        link=link,
        picc_offset=_BEFORE_LINK + in_file.index("?e=") + len("?e="),
        mac_offset=_BEFORE_LINK + in_file.index("&c=") + len("&c="),
        change_key=keys.change_key(school_id, new.uid),
        number_key=number_key(site_key),
        mac_key=keys.card_key(school_id, new.uid),
    )
