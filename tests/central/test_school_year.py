"""What a day's facts come to, told to the real services in the order in which life tells them.

The rule itself has its own tables with plain values. Here its facts are found: who belonged to
which course, what the calendar said, what was decided, and what arrived late. Every story ends with
the command that concludes the year anew, and it finds nothing to change.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay
from central.calendar.planning_rules import NewException
from central.calendar.rules import Hours, Span
from central.cli import cli
from central.schools.models import School
from central.settings import Settings
from tests.central.week_of_facts import Seen, WeekOfFacts

THURSDAY, FRIDAY = date(2026, 4, 2), date(2026, 4, 3)
SATURDAY, SUNDAY = date(2026, 4, 4), date(2026, 4, 5)  # the clocks go back between the two
MONDAY, TUESDAY = date(2026, 4, 6), date(2026, 4, 7)
AUTO, ONLY_IN, ONLY_OUT = 0, 1, 2  # what the gates serve

SessionAs = Callable[..., Session]
Story = Callable[[WeekOfFacts], None]


@pytest.fixture
def week(session: Session, session_as: SessionAs) -> WeekOfFacts:
    return WeekOfFacts(session, session_as("web"), session_as("ingest"))


def taps(week: WeekOfFacts, on_date: date, *shown: str, gate: int = AUTO, card: int = 0) -> None:
    """The first student's card at a gate, at these times of the clock on the wall."""
    seen = [Seen(0, card, on_date, time.fromisoformat(at)) for at in shown]
    week.taps(week.devices[gate], seen)


def holiday(week: WeekOfFacts) -> None:
    taps(week, THURSDAY, "08:20")
    week.except_from_the_week(NewException("holiday", Span(THURSDAY, THURSDAY), "x"))


def holiday_taken_back(week: WeekOfFacts) -> None:
    holiday(week)
    week.cancel(week.exceptions[0])


def early_leave(week: WeekOfFacts) -> None:
    taps(week, THURSDAY, "07:50", "12:31")
    early = NewException("early_leave", Span(THURSDAY, THURSDAY), "x", ends_at=time(12, 30))
    week.except_from_the_week(early)


def left_before_the_others(week: WeekOfFacts) -> None:
    taps(week, THURSDAY, "07:50", "12:31")


def two_gates(week: WeekOfFacts) -> None:
    taps(week, THURSDAY, "15:40", gate=ONLY_OUT)
    taps(week, THURSDAY, "07:50", gate=ONLY_IN)


def a_minute_before_midnight(week: WeekOfFacts) -> None:
    taps(week, THURSDAY, "07:50", "23:59")
    taps(week, FRIDAY, "00:00")


def exit_without_an_entry(week: WeekOfFacts) -> None:
    taps(week, THURSDAY, "15:40", gate=ONLY_OUT)
    week.close(THURSDAY)


def three_taps(week: WeekOfFacts) -> None:
    taps(week, THURSDAY, "07:50", "13:00", "13:50")


def lost_card(week: WeekOfFacts) -> None:
    week.staff_enter(week.students[0], "in", THURSDAY, time(7, 55))
    taps(week, THURSDAY, "15:40", card=1)  # the new one


def unsynced_clock(week: WeekOfFacts) -> None:
    seen = Seen(0, 0, THURSDAY, time(9), clock="unsynced")
    week.taps(week.devices[AUTO], [seen])


def clock_found_later(week: WeekOfFacts) -> None:
    unsynced_clock(week)
    week.close(THURSDAY)
    week.clock_becomes_known(week.devices[AUTO], minutes_off=-45)


def backlog_at_noon(week: WeekOfFacts) -> None:
    """Most of a day's taps come when the gate is back, after an exit that came by another one."""
    week.outage(week.gates[AUTO], THURSDAY, minutes=300)
    taps(week, THURSDAY, "12:05", gate=ONLY_OUT)
    taps(week, THURSDAY, "07:52")


def backlog_after_the_day(week: WeekOfFacts) -> None:
    week.outage(week.gates[AUTO], THURSDAY, minutes=300)
    week.close(THURSDAY)
    taps(week, THURSDAY, "07:52", "15:40")


def silent_gate(week: WeekOfFacts) -> None:
    week.outage(week.gates[AUTO], THURSDAY, minutes=300)
    week.close(THURSDAY)


def came_although_excused(week: WeekOfFacts) -> None:
    week.ask(week.students[0], "absence", Span(THURSDAY, FRIDAY))
    week.decide(week.requests[0], "approve")
    taps(week, THURSDAY, "09:40", "12:00")


def clocks_go_back(week: WeekOfFacts) -> None:
    """8:04 is in time, and 8:06 is late, on both sides of the night with 25 hours."""
    taps(week, FRIDAY, "08:06")
    taps(week, MONDAY, "08:04")
    taps(week, TUESDAY, "08:06")


def another_course_mid_year(week: WeekOfFacts) -> None:
    """The second course begins at nine: what was late in the first is in time in it."""
    taps(week, THURSDAY, "08:50")
    taps(week, MONDAY, "08:50")
    week.close(TUESDAY)
    week.change_course(week.students[0], week.courses[1], MONDAY)
    no_class = NewException("no_class", Span(TUESDAY, TUESDAY), "x", (week.courses[1],))
    week.except_from_the_week(no_class)


def left_the_school(week: WeekOfFacts) -> None:
    taps(week, THURSDAY, "07:50")
    for on_date in (THURSDAY, FRIDAY, MONDAY):
        week.close(on_date)
    taps(week, TUESDAY, "07:50")  # comes to fetch something
    week.leave(week.students[0], FRIDAY)


def came_back_to_school(week: WeekOfFacts) -> None:
    left_the_school(week)
    week.change_course(week.students[0], week.courses[0], TUESDAY)


def other_hours_from_monday(week: WeekOfFacts) -> None:
    taps(week, THURSDAY, "08:20")
    taps(week, MONDAY, "08:20")
    week.change_the_hours((week.courses[0],), MONDAY, Hours(time(8, 30), time(13), 10))


STORIES: list[tuple[Story, dict[date, str]]] = [
    (holiday, {THURSDAY: "no_class"}),
    (holiday_taken_back, {THURSDAY: "late"}),
    (early_leave, {THURSDAY: "present"}),
    (left_before_the_others, {THURSDAY: "left_early"}),
    (two_gates, {THURSDAY: "present"}),
    (a_minute_before_midnight, {THURSDAY: "present", FRIDAY: "present"}),
    (exit_without_an_entry, {THURSDAY: "present"}),
    (three_taps, {THURSDAY: "present"}),
    (lost_card, {THURSDAY: "present"}),
    (unsynced_clock, {THURSDAY: "present"}),
    (clock_found_later, {THURSDAY: "late"}),
    (backlog_at_noon, {THURSDAY: "left_early"}),
    (backlog_after_the_day, {THURSDAY: "present"}),
    (silent_gate, {THURSDAY: "no_data"}),
    (came_although_excused, {THURSDAY: "present", FRIDAY: "justified"}),
    (clocks_go_back, {FRIDAY: "late", MONDAY: "present", TUESDAY: "late"}),
    (another_course_mid_year, {THURSDAY: "late", MONDAY: "present", TUESDAY: "no_class"}),
    (left_the_school, {THURSDAY: "present", FRIDAY: "absent", TUESDAY: "no_class"}),
    (came_back_to_school, {THURSDAY: "present", FRIDAY: "absent", TUESDAY: "present"}),
    (other_hours_from_monday, {THURSDAY: "late", MONDAY: "present"}),
]


@pytest.mark.parametrize(
    ("story", "expected"), STORIES, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_story_of_the_school_and_its_days(
    week: WeekOfFacts, settings: Settings, story: Story, expected: dict[date, str]
) -> None:
    story(week)

    assert statuses(week) == expected
    assert rebuilt_by_command(week, settings) == "0 are other than before."


def test_the_command_mends_rows_that_were_damaged(week: WeekOfFacts, settings: Settings) -> None:
    another_course_mid_year(week)
    right = week.days()
    damaged = week.owner.scalars(select(AttendanceDay)).all()
    for day in damaged:
        day.status, day.minutes_late = "justified", 0
    week.owner.commit()

    said = rebuilt_by_command(week, settings)

    week.owner.expire_all()
    assert week.days() == right
    assert said == f"{len(damaged)} are other than before."


def statuses(week: WeekOfFacts) -> dict[date, str]:
    """The first student's."""
    rows = week.owner.execute(
        select(AttendanceDay.on_date, AttendanceDay.status).where(
            AttendanceDay.student_id == week.students[0]
        )
    )
    return {row.on_date: row.status for row in rows}


def rebuilt_by_command(week: WeekOfFacts, settings: Settings) -> str:
    """The end of what the command says."""
    slug = week.owner.scalars(select(School.slug)).one()
    week.owner.commit()
    env = {"DATABASE_URL": settings.database_url, "SECRET_KEY": settings.secret_key}
    result = CliRunner().invoke(cli, ["rebuild-days", "--school", slug, "--year", "2026"], env=env)
    assert result.exit_code == 0, result.output
    return result.output.strip().rpartition("; ")[2]
