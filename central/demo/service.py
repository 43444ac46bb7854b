"""Gives the demo school its past, through the same door as every other tap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.attendance.closing_service import close_day
from central.attendance.service import SentTaps, record_taps
from central.calendar.queries import calendars
from central.calendar.rules import NoClass, effective_schedule
from central.cards.models import Card
from central.db import enter_schools
from central.demo.history import CardHolder, PastDay, past_days, past_school_days
from central.demo.school import GATES
from central.people.models import Course
from contracts.messages import MAX_TAPS, TapBatch

STREAM = "history"


def record_history(session: Session, school_id: int, zone: ZoneInfo, *, now: datetime) -> None:
    """Record six weeks of taps. Nobody is told: they are long past. Repeating changes nothing."""
    enter_schools(session, [school_id])
    digests = session.scalars(
        select(Card.digest)
        .where(Card.school_id == school_id, Card.student_id.is_not(None))
        .order_by(Card.student_id)
    )
    holders = [CardHolder(digest.hex()) for digest in digests]
    days = _with_class(session, school_id, past_school_days(now.astimezone(zone).date()))
    for day in past_days(holders, tuple(GATES), days, zone):
        record_taps(session, list(_messages(day)), now=now)
    # nobody can do it for us before the commit, and without it each closing reads everything
    session.execute(text("ANALYZE taps, attendance_days, students, enrolments, student_guardians"))
    for on_date in days:
        close_day(session, school_id, on_date, now=now)


def _with_class(session: Session, school_id: int, days: list[date]) -> list[date]:
    """Without the holidays, which are the same for every course."""
    course_id = session.scalars(select(Course.id).where(Course.school_id == school_id)).first()
    assert course_id is not None
    calendar = calendars(session, [(school_id, course_id)], days)[school_id]
    return [
        day for day in days if not isinstance(effective_schedule(calendar, course_id, day), NoClass)
    ]


def _messages(day: PastDay) -> Iterator[SentTaps]:
    for start in range(0, len(day.taps), MAX_TAPS):
        yield SentTaps(day.device, TapBatch(STREAM, day.taps[start : start + MAX_TAPS]))
