"""Reads what decides about the days of schools, with the same two statements for one or many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, time
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from central.calendar.rules import (
    Exceptional,
    Hours,
    NoClass,
    SchoolCalendar,
    Span,
    WeeklyHours,
    Year,
    effective_schedule,
)

CourseKey = tuple[int, int]  # school, course

# The terms of a year say what the rest of the year is, so a year comes with all of them.
_DATES = text("""
    SELECT school_id, 'year' AS what, id, id AS year_id, starts_on AS from_on, ends_on AS until_on,
        NULL::bigint AS course_id, NULL::time AS starts_at, NULL::time AS ends_at
    FROM school_years WHERE school_id = ANY (CAST(:school_ids AS bigint[]))
    UNION ALL
    SELECT t.school_id, 'term', t.id, t.school_year_id, t.starts_on, t.ends_on, NULL, NULL, NULL
    FROM terms t JOIN school_years y ON y.school_id = t.school_id AND y.id = t.school_year_id
    WHERE t.school_id = ANY (CAST(:school_ids AS bigint[]))
        AND y.starts_on <= :until_on AND y.ends_on >= :from_on
    UNION ALL
    SELECT school_id, kind, id, NULL, from_on, until_on, course_id, starts_at, ends_at
    FROM calendar_exceptions
    WHERE school_id = ANY (CAST(:school_ids AS bigint[])) AND cancelled_at IS NULL
        AND from_on <= :until_on AND until_on >= :from_on
""")

# Course by course, whatever the statistics say: OFFSET 0 keeps the planner from reading the hours
# of all courses to find those of a few.
_WEEKS = text("""
    SELECT c.school_id, c.course_id, h.*
    FROM unnest(CAST(:school_ids AS bigint[]), CAST(:course_ids AS bigint[]))
        AS c (school_id, course_id)
    CROSS JOIN LATERAL (
        SELECT weekday, from_on, starts_at, ends_at, tolerance_minutes
        FROM course_schedules h
        WHERE h.school_id = c.school_id AND h.course_id = c.course_id
            AND h.weekday = ANY (CAST(:weekdays AS integer[])) AND h.from_on <= :until_on
        OFFSET 0
    ) AS h
""")

_COURSES = text("SELECT id FROM courses WHERE school_id = :school_id ORDER BY position, name")


def calendars(
    session: Session, courses: Collection[CourseKey], dates: Collection[date]
) -> Mapping[int, SchoolCalendar]:
    """By school, what ``effective_schedule`` needs for these courses on these dates.

    The session must have entered the schools.
    """
    if not courses or not dates:
        return {}
    schools = {school_id for school_id, _ in courses}
    span = {"from_on": min(dates), "until_on": max(dates)}
    weeks = _weeks(session, courses, {day.isoweekday() for day in dates}, span["until_on"])
    years: dict[int, dict[int, Year]] = {school_id: {} for school_id in schools}
    exceptions: dict[int, list[Exceptional]] = {school_id: [] for school_id in schools}
    terms = []
    for row in session.execute(_DATES, {"school_ids": list(schools), **span}):
        if row.what == "year":
            years[row.school_id][row.id] = Year(Span(row.from_on, row.until_on))
        elif row.what == "term":
            terms.append(row)
        else:
            exceptions[row.school_id].append(_exception(row))
    for row in terms:
        year = years[row.school_id][row.year_id]
        held = (*year.terms, Span(row.from_on, row.until_on))
        years[row.school_id][row.year_id] = year._replace(terms=held)
    return {
        school_id: SchoolCalendar(
            tuple(years[school_id].values()),
            tuple(exceptions[school_id]),
            weeks.get(school_id, {}),
        )
        for school_id in schools
    }


def hours_on(session: Session, school_id: int, on_date: date) -> dict[int, Hours | NoClass]:
    """The effective hours of every course of a school on a date, or why it has none."""
    return hours_on_dates(session, school_id, [on_date])[on_date]


def hours_on_dates(
    session: Session, school_id: int, dates: Collection[date]
) -> dict[date, dict[int, Hours | NoClass]]:
    """``hours_on`` of several dates, with as many statements as for one."""
    courses = list(session.scalars(_COURSES, {"school_id": school_id}))
    found = calendars(session, [(school_id, course_id) for course_id in courses], dates)
    calendar = found.get(school_id, SchoolCalendar())
    return {
        on_date: {
            course_id: effective_schedule(calendar, course_id, on_date) for course_id in courses
        }
        for on_date in dates
    }


def _weeks(
    session: Session, courses: Collection[CourseKey], weekdays: Collection[int], until_on: date
) -> dict[int, dict[int, tuple[WeeklyHours, ...]]]:
    rows = session.execute(
        _WEEKS,
        {
            "school_ids": [school_id for school_id, _ in courses],
            "course_ids": [course_id for _, course_id in courses],
            "weekdays": list(weekdays),
            "until_on": until_on,
        },
    )
    weeks: dict[int, dict[int, tuple[WeeklyHours, ...]]] = defaultdict(dict)
    for school_id, course_id, weekday, from_on, *hours in rows:
        of_school = weeks[school_id]
        one = WeeklyHours(weekday, from_on, _hours(*hours))
        of_school[course_id] = (*of_school.get(course_id, ()), one)
    return weeks


def _hours(starts_at: time | None, ends_at: time | None, tolerance_minutes: int) -> Hours | None:
    if starts_at is None or ends_at is None:
        return None
    return Hours(starts_at, ends_at, tolerance_minutes)


def _exception(row: Row[Any]) -> Exceptional:
    return Exceptional(
        row.id,
        Span(row.from_on, row.until_on),
        row.course_id,
        row.what,
        row.starts_at,
        row.ends_at,
    )
