"""How much of school was attended, and how many students are in which band of it.

A day counts for a student who had class and of whom something is known: days without class and
without data count neither way, and an excused absence is an absence.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

# The least rate in percent from which each band begins; what is below the last is `severe`.
BANDS: Final = {"normal": 97, "at_risk": 90, "chronic": 85, "severe": 0}

_RATES: Final = """
    SELECT s.course_id, d.student_id,
        count(*) FILTER (WHERE d.status IN ('present', 'late', 'left_early')) AS attended,
        count(*) AS days
    FROM attendance_days d
    JOIN students s ON s.school_id = d.school_id AND s.id = d.student_id
    WHERE d.school_id = :school_id AND d.on_date BETWEEN :first AND :last
        AND d.status IN ('present', 'late', 'left_early', 'absent', 'justified')
        AND (:every_course OR s.course_id = ANY (CAST(:course_ids AS bigint[])))
    GROUP BY s.course_id, d.student_id
"""
_STUDENTS: Final = text(f"""
    SELECT r.student_id, r.course_id, p.given_names, p.family_names, r.attended, r.days
    FROM ({_RATES}) r JOIN students p ON p.school_id = :school_id AND p.id = r.student_id
    ORDER BY r.attended::numeric / r.days, p.family_names, p.given_names, r.student_id
""")  # noqa: S608  (fixed parts of this file)
_BANDS: Final = text(f"""
    SELECT r.course_id, c.name, sum(r.attended)::integer, sum(r.days)::integer,
        count(*) FILTER (WHERE r.attended * 100 >= r.days * 97),
        count(*) FILTER (WHERE r.attended * 100 < r.days * 97 AND r.attended * 100 >= r.days * 90),
        count(*) FILTER (WHERE r.attended * 100 < r.days * 90 AND r.attended * 100 >= r.days * 85),
        count(*) FILTER (WHERE r.attended * 100 < r.days * 85)
    FROM ({_RATES}) r
    LEFT JOIN courses c ON c.school_id = :school_id AND c.id = r.course_id
    GROUP BY GROUPING SETS ((r.course_id, c.name, c.position), ())
    ORDER BY r.course_id IS NULL DESC, c.position, c.name
""")  # noqa: S608  (fixed parts of this file)


@dataclass(frozen=True, slots=True)
class StudentRate:
    """How many of a student's days of class were attended."""

    student_id: int
    course_id: int
    given_names: str
    family_names: str
    attended: int
    days: int

    @property
    def percent(self) -> float:
        return 100 * self.attended / self.days

    @property
    def band(self) -> str:
        return next(
            band for band, least in BANDS.items() if self.attended * 100 >= self.days * least
        )


@dataclass(frozen=True, slots=True)
class Bands:
    """A course's students by band; with ``course_id`` None, those of all the courses asked for."""

    course_id: int | None
    course: str | None
    attended: int
    days: int
    normal: int
    at_risk: int
    chronic: int
    severe: int

    @property
    def percent(self) -> float:
        return 100 * self.attended / self.days

    @property
    def students(self) -> int:
        return self.normal + self.at_risk + self.chronic + self.severe


def student_rates(
    session: Session,
    school_id: int,
    span: tuple[date, date],
    courses: Collection[int] | None = None,
) -> list[StudentRate]:
    """Each student's attendance from one date to another, both included; the lowest first.

    ``courses`` None is the whole school. Who has no day that counts is not in the list.
    """
    return [
        StudentRate(*row) for row in session.execute(_STUDENTS, _values(school_id, span, courses))
    ]


def bands(
    session: Session,
    school_id: int,
    span: tuple[date, date],
    courses: Collection[int] | None = None,
) -> list[Bands]:
    """All students by band, and then each course's; empty where no day counts."""
    rows = session.execute(_BANDS, _values(school_id, span, courses)).all()
    return [Bands(*row) for row in rows if row[3]]


def _values(
    school_id: int, span: tuple[date, date], courses: Collection[int] | None
) -> dict[str, object]:
    return {
        "school_id": school_id,
        "first": span[0],
        "last": span[1],
        "every_course": courses is None,
        "course_ids": list(courses or ()),
    }
