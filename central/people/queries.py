"""Finding people by what somebody types: without accents, in any order, by parts of words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, literal_column, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ColumnElement

from central.people.models import Course
from central.people.name_rules import fold

MOST_WORDS = 6  # of a search; nobody's name needs more, and each is one more comparison a row


@dataclass(frozen=True, slots=True)
class CourseNamed:
    id: int
    name: str


def folded(text: Any) -> ColumnElement[str]:
    """``fold`` in the database."""
    letters = func.normalize(func.lower(text), literal_column("NFD"))
    return func.regexp_replace(letters, "[\u0300-\u036f]", "", "g")


def has_words(typed: str, *columns: Any) -> ColumnElement[bool]:
    """Whether every typed word is part of one of ``columns``; true when nothing was typed."""
    where = folded(func.concat_ws(" ", *columns))
    words = fold(typed).split()[:MOST_WORDS]
    return and_(True, *(where.contains(word, autoescape=True) for word in words))


def courses_named(
    session: Session, school_id: int, year: int, only: Collection[int] | None = None
) -> list[CourseNamed]:
    """The school's courses of a year, youngest first; ``only`` limits them to a teacher's."""
    statement = select(Course.id, Course.name).where(
        Course.school_id == school_id, Course.year == year
    )
    if only is not None:
        statement = statement.where(Course.id.in_(only))
    rows = session.execute(statement.order_by(Course.position, Course.name))
    return [CourseNamed(row.id, row.name) for row in rows]


def course_names(session: Session, school_id: int) -> dict[int, str]:
    """The name of every course of the school, of whatever year."""
    rows = session.execute(select(Course.id, Course.name).where(Course.school_id == school_id))
    return {row.id: row.name for row in rows}
