"""Which schools there are, for whoever acts for all of them."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_ALL = text("SELECT school_id FROM all_school_ids() ORDER BY school_id")


def all_schools(session: Session) -> list[int]:
    """The ids of all schools. Needs none to be named; for the job processes only."""
    return list(session.scalars(_ALL))
