"""Days that were closed, and who was still inside then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

_CLOSINGS: Final = text("""
    SELECT c.on_date, c.closed_at, u.full_name AS closed_by,
        count(d.student_id) FILTER (WHERE d.status IN ('present', 'late', 'left_early')),
        count(d.student_id) FILTER (WHERE d.status = 'late'),
        count(d.student_id) FILTER (WHERE d.status = 'absent'),
        count(d.student_id) FILTER (WHERE d.status = 'justified'),
        count(d.student_id) FILTER (WHERE d.status = 'no_data'),
        count(d.student_id) FILTER (WHERE d.inside)
    FROM (SELECT * FROM day_closings WHERE school_id = :school_id
          ORDER BY on_date DESC LIMIT :most) c
    LEFT JOIN users u ON u.id = c.closed_by
    LEFT JOIN attendance_days d ON d.school_id = :school_id AND d.on_date = c.on_date
    GROUP BY c.on_date, c.closed_at, u.full_name ORDER BY c.on_date DESC
""")
_INSIDE: Final = text("""
    SELECT s.id, s.given_names, s.family_names, c.name, d.first_entry_at
    FROM attendance_days d
    JOIN students s ON s.school_id = d.school_id AND s.id = d.student_id
    JOIN courses c ON c.school_id = s.school_id AND c.id = s.course_id
    WHERE d.school_id = :school_id AND d.on_date = :on_date AND d.inside
    ORDER BY c.position, c.name, s.family_names, s.given_names
""")


@dataclass(frozen=True, slots=True)
class Closing:
    """A closed day as it stands now: what came later counts too. ``closed_by`` None: the system."""

    on_date: date
    closed_at: datetime
    closed_by: str | None
    attended: int
    late: int
    absent: int
    justified: int
    no_data: int
    inside: int

    @property
    def percent(self) -> float | None:
        """Of those of whom something is known, how many attended."""
        known = self.attended + self.absent + self.justified
        return 100 * self.attended / known if known else None


@dataclass(frozen=True, slots=True)
class StudentInside:
    student_id: int
    given_names: str = field(repr=False)
    family_names: str = field(repr=False)
    course: str
    entered_at: datetime | None


def closings(session: Session, school_id: int, *, most: int = 30) -> list[Closing]:
    """The days closed last, the newest first."""
    rows = session.execute(_CLOSINGS, {"school_id": school_id, "most": most})
    return [Closing(*row) for row in rows]


def inside_on(session: Session, school_id: int, on_date: date) -> list[StudentInside]:
    """Who has no exit on a date, by course and name."""
    rows = session.execute(_INSIDE, {"school_id": school_id, "on_date": on_date})
    return [StudentInside(*row) for row in rows]
