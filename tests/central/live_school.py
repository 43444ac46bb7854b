"""A school that somebody watches while taps come in, recorded as ingest records them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from central.accounts.models import User
from central.attendance.service import SentTaps, record_taps
from central.db import enter_schools
from central.people.models import Course
from central.schools.models import School
from central.settings import Settings
from contracts.messages import TapBatch, TapRead
from tests.builders import a_course, a_device, a_gate, a_school, a_student, a_tap
from tests.central.live_server import a_cookie
from tests.central.pages import a_member


@dataclass
class Watched:
    """A school, a person who watches it, and the gate at which its students tap."""

    school: School
    course: Course
    person: User
    cookie: str
    device: str
    ingest: Engine
    seq: int = 0

    def card(self, number: int) -> str:
        """The card of the school's student of that number, from 0."""
        return f"{self.school.id} {number}"

    def taps(self, *cards: object, at: datetime | None = None) -> float:
        """Record taps made now, as ingest does; the monotonic time of the commit."""
        now = at or datetime.now(UTC)
        taps = []
        for card in cards:
            self.seq += 1
            taps.append(a_tap(self.seq, card=card, at=now))
        with Session(self.ingest) as session:
            enter_schools(session, [self.school.id])
            record_taps(session, [_sent(self.device, taps)], now=datetime.now(UTC))
            session.commit()
            return time.monotonic()


def _sent(device: str, taps: list[TapRead]) -> SentTaps:
    return SentTaps(device, TapBatch("s1", tuple(taps)))


def a_watched_school(owner: Engine, settings: Settings, *, students: int = 3) -> Watched:
    with Session(owner, expire_on_commit=False) as session:
        school = a_school(session, timezone="UTC")
        course = a_course(session, school)
        for number in range(students):
            a_student(session, course, card=f"{school.id} {number}", given=f"Niña N{number}")
        device = a_device(session, a_gate(session, school)).id
        person = a_member(session, school)
        cookie = a_cookie(session, person)
    ingest = create_engine(settings.database_url_for("ingest"), poolclass=NullPool)
    return Watched(school, course, person, cookie, device, ingest)
