"""A school whose student has a secure card, and the card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from central.attendance.service import Recorded, record_taps
from central.cards.keys import CardKeys
from central.cards.models import Card
from contracts.messages import Card as CardRead
from contracts.messages import TapRead
from contracts.sun import number_key, sun_digest, sun_of
from emulators.nfc.ntag424 import Ntag424
from tests.builders import MORNING, a_student, a_tap
from tests.central.recording import SOON, SessionAs, SmallSchool, a_small_school, sent

KEYS = CardKeys(bytes(range(32)))
SITE_KEY = bytes(32)  # of every school that the builders make
UID = bytes.fromhex("04a1b2c3d4e580")
DOMAIN = "colegio.example.cl"


def a_secure_card(school_id: int, uid: bytes = UID, *, keys: CardKeys = KEYS) -> Ntag424:
    return Ntag424(uid, DOMAIN, (number_key(SITE_KEY), keys.card_key(school_id, uid)))


def what_it_says(card: Ntag424, *, claims: bytes | None = None) -> CardRead:
    """One read of the card, as a gate tells it; ``claims`` is the number that it is named by."""
    e, c = sun_of(card.link()) or ("", "")
    return CardRead("sun", sun_digest(SITE_KEY, claims or card.uid).hex(), e, c)


@dataclass(frozen=True)
class SecureSchool:
    """The student has no other card, and no guardian."""

    place: SmallSchool
    student_id: int
    card_id: int
    card: Ntag424
    session_as: SessionAs

    def tap(
        self, seq: int = 1, *, at: datetime = MORNING, said: CardRead | None = None, **changes: Any
    ) -> TapRead:
        """``said`` by the card, which is read now if it is not given."""
        return replace(a_tap(seq, at=at, **changes), card=said or what_it_says(self.card))

    def record(
        self,
        *taps: TapRead,
        device: str | None = None,
        keys: CardKeys | None = KEYS,
        now: datetime = SOON,
    ) -> Recorded:
        """As ingest does, which has the keys."""
        ingest = self.session_as("ingest", self.place.school.id)
        batch = sent(device or self.place.gate, *taps)
        recorded = record_taps(ingest, [batch], now=now, keys=keys)
        ingest.commit()
        return recorded


def a_secure_school(session: Session, session_as: SessionAs) -> SecureSchool:
    place = a_small_school(session)
    student = a_student(session, place.course)
    digest = sun_digest(SITE_KEY, UID)
    card = Card(school_id=place.school.id, digest=digest, kind="sun", student_id=student.id)
    session.add(card)
    session.commit()
    return SecureSchool(place, student.id, card.id, a_secure_card(place.school.id), session_as)
