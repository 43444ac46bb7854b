"""What people note about a missing student: who looks for them, and what became of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from central import events
from central.errors import Conflict, NotFound
from central.no_shows.models import RESOLUTIONS
from central.tasks.service import Decision

_RESOLVE: Final = text("""
    UPDATE no_shows SET resolution = :resolution, note = :note, resolved_by = :by,
        resolved_at = :now, owner_id = coalesce(owner_id, :by)
    WHERE school_id = :school_id AND on_date = :on_date AND student_id = :student_id
    RETURNING 1
""")
_TAKE: Final = text("""
    UPDATE no_shows SET owner_id = :by
    WHERE school_id = :school_id AND on_date = :on_date AND student_id = :student_id
    RETURNING 1
""")


def resolve(
    session: Session,
    school_id: int,
    student: tuple[date, int],
    resolution: str,
    decision: Decision,
    *,
    now: datetime,
) -> None:
    """Note what became of a missing student. May be said anew. Raises NotFound, Conflict."""
    if resolution not in RESOLUTIONS or resolution == "arrived":
        raise Conflict(f"resolution: {resolution!r} is not one that a person notes")
    found = session.scalar(
        _RESOLVE,
        {
            **_named(school_id, student),
            "resolution": resolution,
            "note": decision.note,
            "by": decision.by,
            "now": now,
        },
    )
    _told_of(session, school_id, found)


def take(session: Session, school_id: int, student: tuple[date, int], user_id: int) -> None:
    """Make a person the one who looks for a missing student. Raises NotFound."""
    found = session.scalar(_TAKE, {**_named(school_id, student), "by": user_id})
    _told_of(session, school_id, found)


def _told_of(session: Session, school_id: int, found: object) -> None:
    if found is None:
        raise NotFound("no-show: there is none of this student on this date")
    events.announce(session, [(school_id, events.TASKS)])


def _named(school_id: int, student: tuple[date, int]) -> dict[str, Any]:
    on_date, student_id = student
    return {"school_id": school_id, "on_date": on_date, "student_id": student_id}
