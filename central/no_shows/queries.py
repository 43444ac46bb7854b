"""Missing students as pages show them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

# Whom confirming would tell now: those who have come meanwhile are not counted.
_HELD: Final = text("""
    WITH waiting AS (
        SELECT n.course_id, n.student_id FROM no_show_checks c
        JOIN no_shows n ON n.school_id = c.school_id AND n.on_date = c.on_date
            AND n.begins_at = c.begins_at AND n.state = 'held' AND n.resolution IS NULL
        LEFT JOIN attendance_days d ON d.school_id = n.school_id AND d.on_date = n.on_date
            AND d.student_id = n.student_id
        WHERE c.school_id = :school_id AND c.task_id = :task_id
            AND coalesce(d.passages, 0) = 0
            AND coalesce(d.status NOT IN ('justified', 'no_class', 'present', 'late'), true)
            AND (:every_course OR n.course_id = ANY (CAST(:course_ids AS bigint[])))
    )
    SELECT w.course_id, c.name, count(DISTINCT w.student_id), count(DISTINCT g.id)
    FROM waiting w
    LEFT JOIN student_guardians l ON l.school_id = :school_id AND l.student_id = w.student_id
        AND l.notify_absence
    LEFT JOIN guardians g ON g.school_id = :school_id AND g.id = l.guardian_id
        AND g.phone IS NOT NULL AND g.stopped_at IS NULL
    LEFT JOIN courses c ON c.school_id = :school_id AND c.id = w.course_id
    GROUP BY GROUPING SETS ((w.course_id, c.name, c.position), ())
    ORDER BY w.course_id IS NULL, c.position, c.name
""")
_LISTED: Final = text("""
    SELECT n.student_id, s.given_names, s.family_names, n.course_id, c.name AS course,
        n.on_date, n.begins_at, n.found_at, n.state, n.told_at, n.arrived_at, n.resolution,
        n.resolved_at, n.note, o.full_name AS owner, r.full_name AS resolved_by,
        m.messages, m.delivered, m.failed
    FROM no_shows n
    JOIN students s ON s.school_id = n.school_id AND s.id = n.student_id
    JOIN courses c ON c.school_id = n.school_id AND c.id = n.course_id
    LEFT JOIN users o ON o.id = n.owner_id
    LEFT JOIN users r ON r.id = n.resolved_by
    CROSS JOIN LATERAL (
        SELECT count(*) AS messages,
            count(*) FILTER (WHERE status IN ('delivered', 'read')) AS delivered,
            count(*) FILTER (WHERE status = 'failed') AS failed
        FROM notifications m WHERE m.school_id = n.school_id AND m.student_id = n.student_id
            AND m.on_date = n.on_date AND m.kind = 'absence'
    ) m
    WHERE n.school_id = :school_id AND n.on_date = :on_date
        AND (:every_course OR n.course_id = ANY (CAST(:course_ids AS bigint[])))
        AND (:every_student OR n.student_id = :student_id)
    ORDER BY n.resolved_at IS NOT NULL, c.position, c.name, s.family_names, s.given_names
""")


@dataclass(frozen=True, slots=True)
class HeldCourse:
    """Students of a course whose families wait for a decision; ``course_id`` None is the sum.

    ``families`` counts people: who has two children missing is told of both and counted once.
    """

    course_id: int | None
    course: str | None
    students: int
    families: int


@dataclass(frozen=True, slots=True)
class NoShowListed:
    """One missing student with all that a page shows. Times are aware; None has not happened."""

    student_id: int
    given_names: str = field(repr=False)
    family_names: str = field(repr=False)
    course_id: int
    course: str
    on_date: date
    begins_at: datetime
    found_at: datetime
    state: str
    told_at: datetime | None
    arrived_at: datetime | None
    resolution: str | None
    resolved_at: datetime | None
    note: str | None = field(repr=False)
    owner: str | None
    resolved_by: str | None
    messages: int
    delivered: int
    failed: int

    @property
    def group(self) -> str:
        """Where it stands for a person: ``waiting``, ``missing``, ``arrived`` or ``settled``."""
        if self.arrived_at is not None:
            return "arrived"
        if self.resolution is not None or self.state == "dismissed":
            return "settled"
        return "waiting" if self.state == "held" else "missing"


def held_courses(
    session: Session, school_id: int, task_id: int, course_ids: Collection[int] | None = None
) -> list[HeldCourse]:
    """Whom confirming would tell, by course, and the sum as the last one.

    ``course_ids`` None is every course of the task.
    """
    values = {"school_id": school_id, "task_id": task_id}
    return [HeldCourse(*row) for row in session.execute(_HELD, {**values, **_courses(course_ids)})]


def no_shows_on(
    session: Session, school_id: int, on_date: date, course_ids: Collection[int] | None = None
) -> list[NoShowListed]:
    """Everybody missed on a date: the open ones first, by course and name."""
    values = {"school_id": school_id, "on_date": on_date, "every_student": True, "student_id": 0}
    rows = session.execute(_LISTED, {**values, **_courses(course_ids)})
    return [NoShowListed(**row._mapping) for row in rows]


def one_no_show(
    session: Session, school_id: int, on_date: date, student_id: int
) -> NoShowListed | None:
    """One missing student of the school."""
    values = {
        "school_id": school_id,
        "on_date": on_date,
        "every_student": False,
        "student_id": student_id,
    }
    row = session.execute(_LISTED, {**values, **_courses(None)}).one_or_none()
    return None if row is None else NoShowListed(**row._mapping)


def _courses(course_ids: Collection[int] | None) -> dict[str, object]:
    return {"every_course": course_ids is None, "course_ids": list(course_ids or ())}
