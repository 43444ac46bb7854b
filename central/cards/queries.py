"""Whose a card is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from central.accounts.models import User
from central.cards.models import Card
from central.errors import NotFound
from central.people.models import Course, Student


@dataclass(frozen=True, slots=True)
class Holder:
    """A card with its student, or with the ``name`` of a member of staff."""

    card_id: int
    label: str
    student_id: int | None
    name: str
    course: str
    revoked_at: datetime | None


def holder_of(session: Session, school_id: int, card_id: int) -> Holder:
    """Raises NotFound."""
    row = session.execute(
        select(
            *(Card.id, Card.label, Card.student_id, Card.revoked_at),
            *(Student.given_names, Student.family_names, Course.name, User.full_name),
        )
        .outerjoin(
            Student, and_(Student.school_id == Card.school_id, Student.id == Card.student_id)
        )
        .outerjoin(
            Course, and_(Course.school_id == Student.school_id, Course.id == Student.course_id)
        )
        .outerjoin(User, User.id == Card.user_id)
        .where(Card.school_id == school_id, Card.id == card_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"card {card_id}")
    name = f"{row.family_names}, {row.given_names}" if row.student_id else row.full_name
    return Holder(row.id, row.label, row.student_id, name or "", row.name or "", row.revoked_at)
