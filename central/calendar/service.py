"""Changes to the calendar's rows. They do not conclude days: ``attendance.calendar_service`` does.

Every function raises Conflict with a code for what cannot be, NotFound for what is not there.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from central.calendar.models import CalendarException, CourseSchedule, SchoolYear, Term
from central.calendar.planning_rules import (
    NewException,
    NewWeek,
    NewYear,
    dates_of,
    exception_problem,
    week_problem,
    year_problem,
)
from central.calendar.queries import calendars
from central.calendar.rules import Hours, Span, weekly_hours
from central.errors import Conflict, NotFound
from central.people.models import Course


def put_year(session: Session, school_id: int, new: NewYear) -> None:
    """Write a school year and its terms, new or instead of what was told of that year before."""
    refuse_year(session, school_id, new)
    year = session.scalars(
        select(SchoolYear).where(SchoolYear.school_id == school_id, SchoolYear.year == new.year)
    ).one_or_none()
    if year is None:
        year = SchoolYear(school_id=school_id, year=new.year)
        session.add(year)
    year.starts_on, year.ends_on = new.span
    session.flush()
    session.execute(delete(Term).where(Term.school_id == school_id, Term.school_year_id == year.id))
    session.add_all(
        Term(
            school_id=school_id,
            school_year_id=year.id,
            name=name.strip(),
            starts_on=span.starts_on,
            ends_on=span.ends_on,
        )
        for name, span in new.terms
    )
    session.flush()


def refuse_year(session: Session, school_id: int, new: NewYear) -> None:
    """Raise what ``put_year`` would raise, and change nothing."""
    _refuse(year_problem(new))
    others = session.scalars(
        select(SchoolYear).where(SchoolYear.school_id == school_id, SchoolYear.year != new.year)
    )
    for other in others:
        if new.span.starts_on <= other.ends_on and other.starts_on <= new.span.ends_on:
            raise Conflict("years_overlap")


def add_exception(
    session: Session, school_id: int, new: NewException, author_id: int, *, now: datetime
) -> list[CalendarException]:
    """Add an exception, one row for each course that it names.

    One that is there already is refused: a form sent twice must not make two.
    """
    refuse_exception(session, school_id, new)
    added = [
        CalendarException(
            school_id=school_id,
            from_on=new.span.starts_on,
            until_on=new.span.ends_on,
            course_id=course_id,
            kind=new.kind,
            starts_at=new.starts_at,
            ends_at=new.ends_at,
            reason=new.reason.strip(),
            author_id=author_id,
            created_at=now,
        )
        for course_id in new.course_ids or (None,)
    ]
    session.add_all(added)
    session.flush()
    return added


def refuse_exception(session: Session, school_id: int, new: NewException) -> None:
    """Raise what ``add_exception`` would raise, and change nothing."""
    _refuse(exception_problem(new))
    _check_courses(session, school_id, new.course_ids)
    _refuse_twice(session, school_id, new)
    if new.kind == "recovery" and new.starts_at is None:
        _check_recovered_hours(session, school_id, new)


def cancel_exception(
    session: Session, school_id: int, exception_id: int, by: int, *, now: datetime
) -> CalendarException:
    """Take an exception back. It stays, cancelled, with who did it."""
    found = one_exception(session, school_id, exception_id)
    if found.cancelled_at is not None:
        raise Conflict("cancelled_already")
    found.cancelled_at, found.cancelled_by = now, by
    session.flush()
    return found


def one_exception(session: Session, school_id: int, exception_id: int) -> CalendarException:
    """The exception, locked until the end of the transaction."""
    found = session.scalars(
        select(CalendarException)
        .where(CalendarException.school_id == school_id, CalendarException.id == exception_id)
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound("no such exception")
    return found


def put_week(session: Session, school_id: int, new: NewWeek, *, today: date) -> bool:
    """Write the hours of courses that are other from ``new.from_on`` on; whether there were any.

    Hours that were told for a later date stay: they begin then.
    """
    refuse_week(session, school_id, new, today=today)
    rows = _changed_rows(session, school_id, new)
    if rows:
        statement = insert(CourseSchedule).values(rows)
        put = statement.excluded
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["school_id", "course_id", "weekday", "from_on"],
                set_={
                    "starts_at": put.starts_at,
                    "ends_at": put.ends_at,
                    "tolerance_minutes": put.tolerance_minutes,
                },
            )
        )
    return bool(rows)


def refuse_week(session: Session, school_id: int, new: NewWeek, *, today: date) -> None:
    """Raise what ``put_week`` would raise, and change nothing."""
    _refuse(week_problem(new, today))
    _check_courses(session, school_id, new.course_ids)


def _changed_rows(session: Session, school_id: int, new: NewWeek) -> list[dict[str, object]]:
    week = dates_of(Span(new.from_on, new.from_on + timedelta(days=6)))
    keys = [(school_id, course_id) for course_id in new.course_ids]
    before = calendars(session, keys, week)[school_id].weekly
    rows: list[dict[str, object]] = []
    for course_id in new.course_ids:
        for weekday, hours in new.hours.items():
            if weekly_hours(before.get(course_id, ()), weekday, new.from_on) == hours:
                continue
            rows.append(
                {
                    "school_id": school_id,
                    "course_id": course_id,
                    "weekday": weekday,
                    "from_on": new.from_on,
                    **_columns(hours),
                }
            )
    return rows


def _columns(hours: Hours | None) -> dict[str, object]:
    if hours is None:
        return {"starts_at": None, "ends_at": None, "tolerance_minutes": 0}
    return hours._asdict()


def _refuse_twice(session: Session, school_id: int, new: NewException) -> None:
    """The same for the whole school, or for one of the same courses, is in force already."""
    one = CalendarException
    there = session.scalar(
        select(one.id)
        .where(
            one.school_id == school_id,
            one.cancelled_at.is_(None),
            one.kind == new.kind,
            one.from_on == new.span.starts_on,
            one.until_on == new.span.ends_on,
            one.starts_at.is_not_distinct_from(new.starts_at),
            one.ends_at.is_not_distinct_from(new.ends_at),
            one.course_id.in_(new.course_ids) if new.course_ids else one.course_id.is_(None),
        )
        .limit(1)
    )
    if there is not None:
        raise Conflict("exception_there_already")


def _check_recovered_hours(session: Session, school_id: int, new: NewException) -> None:
    """A recovery without hours takes those of the weekday: some course must have them."""
    courses = new.course_ids or session.scalars(
        select(Course.id).where(Course.school_id == school_id)
    )
    dates = dates_of(new.span)
    found = calendars(session, [(school_id, course_id) for course_id in courses], dates)
    weeks = found[school_id].weekly.values() if found else ()
    for on_date in dates:
        if not any(weekly_hours(week, on_date.isoweekday(), on_date) for week in weeks):
            raise Conflict("hours_of_recovery_needed")


def _check_courses(session: Session, school_id: int, course_ids: tuple[int, ...]) -> None:
    if not course_ids:
        return
    known = session.scalars(
        select(Course.id).where(Course.school_id == school_id, Course.id.in_(course_ids))
    ).all()
    if sorted(known) != sorted(course_ids):
        raise NotFound("no such course")


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise Conflict(problem)
