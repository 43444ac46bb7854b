"""Concluding a whole year anew from its facts, in pieces that hold a school's lock for moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.attendance import days
from central.calendar.models import SchoolYear
from central.calendar.rules import Span
from central.errors import NotFound
from central.schools.models import School

# Some ten thousand days of a large school: seconds, in which its taps wait at the gates.
PIECE: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many days were concluded, and how many of them are other than before."""

    days: int
    changed: int


def pieces(session: Session, slug: str, year: int) -> tuple[int, list[Span]]:
    """A school's id, and a year cut into spans to rebuild one after the other.

    The year is that of the calendar, stretched to the school's own. Raises NotFound.
    """
    school_id = session.scalar(select(School.id).where(School.slug == slug))
    if school_id is None:
        raise NotFound(f"school: {slug!r} does not exist")
    own = session.execute(
        select(SchoolYear.starts_on, SchoolYear.ends_on).where(
            SchoolYear.school_id == school_id, SchoolYear.year == year
        )
    ).one_or_none()
    bounds = [date(year, 1, 1), date(year, 12, 31), *(own or ())]
    return school_id, list(_cut(Span(min(bounds), max(bounds))))


def rebuild(session: Session, school_id: int, span: Span) -> Rebuilt:
    """Conclude every day of the school in ``span`` from its facts. Repeating changes nothing.

    Gives the rows that are there already, unless the rule has changed since or a row was damaged.
    """
    days.lock_school(session, school_id)
    zone = session.scalars(select(School.timezone).where(School.id == school_id)).one()
    touched = days.touched_in_school(session, school_id, span.starts_on, span.ends_on)
    concluded = days.conclude(session, touched, {school_id: ZoneInfo(zone)})
    return Rebuilt(len(concluded.passages), concluded.changed)


def _cut(span: Span) -> Iterator[Span]:
    first = span.starts_on
    while first <= span.ends_on:
        last = min(first + PIECE - timedelta(days=1), span.ends_on)
        yield Span(first, last)
        first = last + timedelta(days=1)
