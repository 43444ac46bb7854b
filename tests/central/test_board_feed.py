"""What an audience is sent: what changed, and the heavy curve only now and then."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session

from central.accounts.rules import SchoolSeen, Viewer
from central.attendance.service import record_taps
from central.db import enter_schools
from central.people.models import Student
from central.web.board_feed import CURVE_SECONDS, REFRESH_SECONDS, BoardFeed
from central.web.board_page import Audience, audience_of
from tests.builders import a_course, a_device, a_gate, a_school, a_student, a_tap
from tests.central.recording import SessionAs, sent

TAPS = frozenset({"taps"})


class Gate:
    """Taps of cards 0, 1, 2, … at one gate of a school."""

    def __init__(self, session: Session, session_as: SessionAs) -> None:
        school = a_school(session, timezone="UTC")
        self.course = a_course(session, school)
        self.students: list[Student] = [
            a_student(session, self.course, card=number) for number in range(3)
        ]
        self.device = a_device(session, a_gate(session, school)).id
        session.commit()
        self.school = school
        self._ingest = session_as("ingest", school.id)
        self._seq = 0

    def tap(self, card: int) -> None:
        self._seq += 1
        now = datetime.now(UTC)
        enter_schools(self._ingest, [self.school.id])
        tap = a_tap(self._seq, card=card, at=now)
        record_taps(self._ingest, [sent(self.device, tap)], now=now)
        self._ingest.commit()


@pytest.fixture
def gate(session: Session, session_as: SessionAs) -> Gate:
    return Gate(session, session_as)


@pytest.fixture
def audience(session: Session, gate: Gate) -> Audience:
    school = SchoolSeen(gate.school.id, gate.school.name, gate.school.timezone)
    roles = frozenset({"director"})
    viewer = Viewer(1, "Marta", "m@x.example", "en", school, roles, (gate.school.id,))
    return audience_of(session, viewer)


def news(feed: BoardFeed) -> dict[str, Any] | None:
    event = feed.news(TAPS)
    return json.loads(event.data) if event is not None else None


def test_a_feed_sends_what_changed_since_it_last_did(
    app: APIFlask, gate: Gate, audience: Audience
) -> None:
    feed = BoardFeed(app, audience, after=0)
    gate.tap(0)
    first = news(feed)
    gate.tap(1)
    second = news(feed)
    nothing = news(feed)

    assert first is not None
    assert second is not None
    assert list(first["groups"]) == [f"s{gate.students[0].id}"]
    assert set(first["parts"]) == {"figures", "attention", "curve", f"course-{gate.course.id}"}
    assert list(second["groups"]) == [f"s{gate.students[1].id}"]
    assert set(second["parts"]) == {"figures", f"course-{gate.course.id}"}
    assert nothing is None


def test_a_curve_held_back_is_sent_after_the_rest(
    app: APIFlask, gate: Gate, audience: Audience
) -> None:
    feed = BoardFeed(app, audience, after=0)
    news(feed)
    calm = feed.rest()
    gate.tap(0)
    news(feed)

    assert calm == REFRESH_SECONDS
    assert 0 < feed.rest() <= CURVE_SECONDS


def test_it_is_written_in_the_language_of_its_audience(
    app: APIFlask, gate: Gate, audience: Audience
) -> None:
    gate.tap(0)

    update = news(BoardFeed(app, audience, after=0))

    assert update is not None
    assert "Not in yet" in update["parts"]["figures"]
    (row,) = update["groups"][f"s{gate.students[0].id}"]
    assert "Entry" in row
