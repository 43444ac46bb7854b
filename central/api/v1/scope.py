"""How far a caller sees."""

from __future__ import annotations

from sqlalchemy.orm import Session

from central.accounts.rules import Viewer
from central.people.api_queries import courses_taught


def school_of(viewer: Viewer) -> int:
    """The school of the caller's token."""
    assert viewer.school is not None  # a token is for one school
    return viewer.school.id


def courses_seen(session: Session, viewer: Viewer) -> list[int] | None:
    """The courses to which the caller is limited; None for the whole school."""
    if viewer.may("see_every_course"):
        return None
    return courses_taught(session, school_of(viewer), viewer.user_id)
