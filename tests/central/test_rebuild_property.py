"""Whatever becomes known in whatever order, the days are those that a rebuild concludes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.orm import Session

from central.absences.models import KINDS as ABSENCE_KINDS
from central.calendar.planning_rules import NewException
from central.calendar.rules import Hours, Span
from tests.central.week_of_facts import FIRST, LAST, STUDENTS, Seen, WeekOfFacts

DATES = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
SHOWN = [
    time.fromisoformat(shown)
    for shown in ("00:10", "07:50", "07:50:30", "08:20", "12:00", "15:25", "15:40", "23:59")
]
SessionAs = Callable[..., Session]
FEW = st.integers(0, 999)  # an index into whatever there is

dates = st.sampled_from(DATES)
spans = st.tuples(dates, dates).map(sorted).map(lambda pair: Span(*pair))
students = st.integers(0, STUDENTS - 1)
courses = st.integers(0, 1)
shown = st.sampled_from(SHOWN)
seen = st.builds(
    Seen,
    students,
    st.integers(0, 1),
    dates,
    shown,
    st.sampled_from(["synced", "synced", "synced", "unsynced"]),
)
Habit = tuple[tuple[int, str, str], ...]
# What a student did on a date before anything else becomes known: at which gate, when, and by
# what clock.
habits: st.SearchStrategy[Habit] = st.sampled_from(
    [
        (),
        ((0, "07:50", "synced"), (0, "15:40", "synced")),
        ((1, "08:20", "synced"), (2, "15:25", "synced")),
        ((0, "07:50", "synced"), (1, "12:00", "synced"), (0, "15:40", "synced")),
        ((1, "00:10", "unsynced"), (2, "12:00", "unsynced")),
    ]
)
weeks = st.lists(habits, min_size=STUDENTS * len(DATES), max_size=STUDENTS * len(DATES))
exceptions = st.sampled_from(
    [
        ("holiday", None, None),
        ("suspension", None, None),
        ("no_class", None, None),
        ("hours", time(10), None),
        ("hours", time(7, 30), time(12)),
        ("early_leave", None, time(12, 30)),
        ("recovery", None, None),
        ("recovery", time(9), time(12)),
    ]
)


class Week(RuleBasedStateMachine):
    """The week of a school that stands anew for each example."""

    owner: Session
    web: Session
    ingest: Session

    def __init__(self) -> None:
        super().__init__()
        self.week = WeekOfFacts(self.owner, self.web, self.ingest)

    @initialize(week=weeks, closed=st.sets(dates, min_size=4), excused=spans)
    def already_a_week_of_school(self, week: list[Habit], closed: set[date], excused: Span) -> None:
        """A fact changes something only where there are others; so examples begin among some."""
        habits_of = iter(week)
        by_device: dict[int, list[Seen]] = {0: [], 1: [], 2: []}
        for on_date in DATES:
            for student in range(STUDENTS):
                for device, at, clock in next(habits_of):
                    shown_at = time.fromisoformat(at)
                    by_device[device].append(Seen(student, device % 2, on_date, shown_at, clock))
        for device, taps in by_device.items():
            self.week.taps(self.week.devices[device], taps)
        for on_date in sorted(closed):
            self.week.close(on_date)
        for student in range(STUDENTS):
            self.ask_and_approve(student, "absence", excused)

    @rule(device=st.integers(0, 2), taps=st.lists(seen, min_size=1, max_size=4))
    def tap(self, device: int, taps: list[Seen]) -> None:
        self.week.taps(self.week.devices[device], taps)

    @rule(device=st.integers(0, 2), minutes_off=st.sampled_from([0, 45, -30, 1440]))
    def anchor(self, device: int, minutes_off: int) -> None:
        self.week.clock_becomes_known(self.week.devices[device], minutes_off)

    @rule(student=students, direction=st.sampled_from(["in", "out"]), on_date=dates, at=shown)
    def staff_enter(self, student: int, direction: str, on_date: date, at: time) -> None:
        self.week.staff_enter(self.week.students[student], direction, on_date, at)

    @rule(student=students, kind=st.sampled_from(ABSENCE_KINDS), span=spans)
    def ask_and_approve(self, student: int, kind: str, span: Span) -> None:
        self.week.ask(self.week.students[student], kind, span)
        if self.week.requests:
            self.week.decide(self.week.requests[-1], "approve")

    @precondition(lambda self: self.week.requests)
    @rule(which=FEW, action=st.sampled_from(["approve", "reject"]))
    def decide(self, which: int, action: str) -> None:
        self.week.decide(self.week.requests[which % len(self.week.requests)], action)

    @precondition(lambda self: self.week.requests)
    @rule(which=FEW, action=st.sampled_from(["withdraw", "reopen"]))
    def take_a_decision_back(self, which: int, action: str) -> None:
        self.week.decide(self.week.requests[which % len(self.week.requests)], action)

    @rule(
        student=students,
        on_date=dates,
        status=st.sampled_from(["present", "late", "absent", "justified", "left_early"]),
    )
    def correct(self, student: int, on_date: date, status: str) -> None:
        self.week.correct(self.week.students[student], on_date, status)

    @rule(which=FEW)
    def ignore_a_tap(self, which: int) -> None:
        self.week.ignore_a_tap(which)

    @rule(which=FEW)
    def restore_a_tap(self, which: int) -> None:
        self.week.restore_a_tap(which)

    @precondition(lambda self: self.week.corrections)
    @rule(which=FEW, state=st.sampled_from(["approved", "rejected"]))
    def confirm(self, which: int, state: str) -> None:
        self.week.confirm(self.week.corrections[which % len(self.week.corrections)], state)

    @rule(what=exceptions, span=spans, scope=st.sets(courses))
    def except_from_the_week(self, what: tuple[str, Any, Any], span: Span, scope: set[int]) -> None:
        kind, starts_at, ends_at = what
        course_ids = tuple(self.week.courses[course] for course in sorted(scope))
        self.week.except_from_the_week(
            NewException(kind, span, "x", course_ids, starts_at, ends_at)
        )

    @precondition(lambda self: self.week.exceptions)
    @rule(which=FEW)
    def cancel(self, which: int) -> None:
        self.week.cancel(self.week.exceptions[which % len(self.week.exceptions)])

    @rule(ends_on=dates, break_on=dates)
    def tell_the_year(self, ends_on: date, break_on: date) -> None:
        self.week.tell_the_year(Span(date(2026, 3, 4), ends_on), break_on)

    @rule(
        scope=st.sets(courses, min_size=1),
        from_on=dates,
        hours=st.sampled_from([None, Hours(time(8, 30), time(13), 10), Hours(time(7), time(16))]),
    )
    def change_the_hours(self, scope: set[int], from_on: date, hours: Hours | None) -> None:
        course_ids = tuple(self.week.courses[course] for course in sorted(scope))
        self.week.change_the_hours(course_ids, from_on, hours)

    @rule(student=students, course=courses, from_on=dates)
    def change_course(self, student: int, course: int, from_on: date) -> None:
        self.week.change_course(self.week.students[student], self.week.courses[course], from_on)

    @rule(student=students, last_on=dates)
    def leave(self, student: int, last_on: date) -> None:
        self.week.leave(self.week.students[student], last_on)

    @rule(student=students, on_date=dates, at=shown)
    def withdraw(self, student: int, on_date: date, at: time) -> None:
        self.week.withdraw(student, on_date, at)

    @rule(on_date=dates)
    def close(self, on_date: date) -> None:
        self.week.close(on_date)

    @rule(gate=st.integers(0, 2), on_date=dates, minutes=st.sampled_from([5, 60, 300]))
    def outage(self, gate: int, on_date: date, minutes: int) -> None:
        self.week.outage(self.week.gates[gate], on_date, minutes)

    @invariant()
    def the_days_are_those_of_a_rebuild(self) -> None:
        assert self.week.days() == self.week.rebuilt()


def test_any_interleaving_ends_in_the_days_of_a_rebuild(
    session: Session, session_as: SessionAs
) -> None:
    class OnThisServer(Week):
        owner, web, ingest = session, session_as("web"), session_as("ingest")

    run_state_machine_as_test(
        OnThisServer,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,  # each step is a transaction on a real server
            suppress_health_check=list(HealthCheck),
        ),
    )
