"""How far a person sees: the whole school, or the courses that they teach."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.rules import Viewer
from central.people.models import TeacherCourse


def courses_seen(session: Session, viewer: Viewer) -> list[int] | None:
    """The courses to which the viewer is limited in the school they look at; None for all."""
    if viewer.may("see_every_course"):
        return None
    assert viewer.school is not None  # without one nobody gets so far
    return list(
        session.scalars(
            select(TeacherCourse.course_id)
            .where(
                TeacherCourse.school_id == viewer.school.id,
                TeacherCourse.user_id == viewer.user_id,
            )
            .order_by(TeacherCourse.course_id)
        )
    )
