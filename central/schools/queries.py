"""Which schools there are, for whoever acts for all of them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.schools.models import School

_ALL = text("SELECT school_id FROM all_school_ids() ORDER BY school_id")


def all_schools(session: Session) -> list[int]:
    """The ids of all schools. Needs none to be named; for the job processes only."""
    return list(session.scalars(_ALL))


def today_at(session: Session, school_id: int, *, now: datetime) -> date:
    """The date at the school, which the session must have entered."""
    zone = session.scalars(select(School.timezone).where(School.id == school_id)).one()
    return now.astimezone(ZoneInfo(zone)).date()
