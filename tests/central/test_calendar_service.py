"""Changing the calendar: which days follow, who is told, what is kept of it, and its preview."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import User
from central.attendance import calendar_service
from central.attendance.calendar_queries import (
    preview_cancel,
    preview_exception,
    preview_week,
    preview_year,
)
from central.attendance.models import AttendanceDay, DayClosing
from central.attendance.service import SentTaps, record_taps, refresh_school_days
from central.calendar.listing_queries import exception_listed, exceptions_within
from central.calendar.models import CalendarException
from central.calendar.planning_rules import NewException, NewWeek, NewYear
from central.calendar.queries import hours_on
from central.calendar.rules import Hours, NoClass, Span, moment
from central.errors import Conflict, NotFound
from central.notifications.models import Notification
from central.people.models import Course, Student, StudentGuardian
from central.schools.models import School
from contracts.messages import TapBatch, TapRead
from tests.builders import (
    a_course,
    a_device,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    a_tap,
    a_user,
)
from tests.central.desk import actions, rows_of
from tests.central.week_of_facts import SANTIAGO

MONDAY = date(2026, 5, 4)
TUESDAY, WEDNESDAY, SATURDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 5))
FRIDAY = MONDAY + timedelta(days=4)
NOW = datetime(2026, 5, 9, 15, tzinfo=UTC)  # Saturday of the same week
TODAY = SATURDAY
USUAL = Hours(time(8), time(15, 30), 5)
LATER = Hours(time(9), time(14), 10)


@dataclass
class Planned:
    """Two courses with a student each; the first tapped at 8:20 and 14:00 of each weekday."""

    school: School
    courses: list[Course]
    students: list[Student]
    author: User
    web: Session

    @property
    def id(self) -> int:
        return self.school.id

    def add(self, kind: str, span: Span, **changes: Any) -> calendar_service.Added:
        new = NewException(kind, span, "Motivo", **changes)
        added = calendar_service.add_exception(self.web, self.id, new, self.author.id, now=NOW)
        self.web.commit()
        return added

    def cancel(self, exception_id: int) -> int:
        changed = calendar_service.cancel_exception(
            self.web, self.id, exception_id, self.author.id, now=NOW
        )
        self.web.commit()
        return changed

    def set_week(self, new: NewWeek) -> int:
        changed = calendar_service.set_week(self.web, self.id, new, self.author.id, today=TODAY)
        self.web.commit()
        return changed

    def set_year(self, new: NewYear) -> int:
        changed = calendar_service.set_year(self.web, self.id, new, self.author.id)
        self.web.commit()
        return changed

    def tell(self, added: calendar_service.Added, today: date) -> int:
        told = calendar_service.tell_families(
            self.web, self.id, added.exceptions, self.author.id, now=NOW, today=today
        )
        self.web.commit()
        return told


@pytest.fixture
def planned(session: Session, session_as: Callable[..., Session]) -> Planned:
    school = a_school(session)
    courses = [a_course(session, school) for _ in range(2)]
    students = [
        a_student(session, course, card=f"c{number}") for number, course in enumerate(courses)
    ]
    author = a_user(session)
    device = a_device(session, a_gate(session, school))
    session.commit()
    taps: list[TapRead] = []
    for day in range(5):
        for shown in (time(8, 20), time(14)):
            at = moment(MONDAY + timedelta(days=day), shown, SANTIAGO)
            taps.append(a_tap(len(taps) + 1, card="c0", at=at))
    ingest = session_as("ingest", school.id)
    record_taps(ingest, [SentTaps(device.id, TapBatch("s1", tuple(taps)))], now=NOW)
    ingest.commit()
    return Planned(school, courses, students, author, session_as("web", school.id))


def one(on: date) -> Span:
    return Span(on, on)


def close(session: Session, planned: Planned, *days: date) -> None:
    session.add_all(DayClosing(school_id=planned.id, on_date=day) for day in days)
    session.flush()
    for day in days:
        refresh_school_days(session, planned.id, day, day)
    session.commit()


def days_of(session: Session, student: Student) -> dict[date, str]:
    session.expire_all()
    rows = session.scalars(
        select(AttendanceDay)
        .where(AttendanceDay.student_id == student.id)
        .order_by(AttendanceDay.on_date)
    )
    return {row.on_date: row.status for row in rows}


@pytest.mark.parametrize(
    ("kind", "times", "status"),
    [
        pytest.param("holiday", {}, "no_class", id="a holiday"),
        pytest.param("suspension", {}, "no_class", id="a suspension"),
        pytest.param("no_class", {}, "no_class", id="no class"),
        pytest.param("early_leave", {"ends_at": time(14)}, "late", id="out in time, late still"),
        pytest.param("hours", {"starts_at": time(8, 30)}, "left_early", id="begins later"),
        pytest.param(
            "hours", {"starts_at": time(8, 30), "ends_at": time(14)}, "present", id="other hours"
        ),
    ],
)
def test_an_exception_concludes_its_day_anew_and_taking_it_back_as_it_was(
    session: Session, planned: Planned, kind: str, times: dict[str, time], status: str
) -> None:
    before = days_of(session, planned.students[0])

    added = planned.add(kind, one(TUESDAY), **times)
    after = days_of(session, planned.students[0])
    changed = planned.cancel(added.exceptions[0].id)

    assert before[TUESDAY] == "left_early"
    assert after == before | {TUESDAY: status}
    assert (added.changed_days, changed) == (1, 1)
    assert days_of(session, planned.students[0]) == before
    assert actions(session) == ["added_exception", "cancelled_exception"]


def test_an_exception_of_one_course_leaves_the_other_alone(
    session: Session, planned: Planned
) -> None:
    close(session, planned, TUESDAY)
    absent = days_of(session, planned.students[1])

    planned.add("no_class", one(TUESDAY), course_ids=(planned.courses[0].id,))

    assert absent == days_of(session, planned.students[1]) == {TUESDAY: "absent"}
    assert days_of(session, planned.students[0])[TUESDAY] == "no_class"


def test_a_course_may_have_class_while_the_school_is_closed(
    session: Session, planned: Planned
) -> None:
    planned.add("suspension", one(TUESDAY))
    planned.add("recovery", one(TUESDAY), course_ids=(planned.courses[0].id,))

    hours = hours_on(session, planned.id, TUESDAY)

    assert hours == {
        planned.courses[0].id: USUAL,
        planned.courses[1].id: NoClass("suspension"),
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"reason": "Otro motivo"}, "exception_there_already", id="the same twice"),
        pytest.param({"kind": "party"}, "kind_unknown", id="no such kind"),
        pytest.param({"span": Span(WEDNESDAY, TUESDAY)}, "dates_do_not_fit", id="backwards"),
        pytest.param({"span": Span(TUESDAY, date(2027, 5, 4))}, "dates_do_not_fit", id="a year"),
        pytest.param({"reason": " "}, "reason_needed", id="no reason"),
        pytest.param({"ends_at": time(9)}, "hours_needed", id="a suspension has no hours"),
        pytest.param(
            {"kind": "recovery", "span": one(SATURDAY)}, "hours_of_recovery_needed", id="Saturday"
        ),
    ],
)
def test_an_exception_that_cannot_be_leaves_nothing(
    session: Session, planned: Planned, changes: dict[str, Any], code: str
) -> None:
    planned.add("suspension", one(TUESDAY))
    new = replace(NewException("suspension", one(TUESDAY), "Motivo"), **changes)

    with pytest.raises(Conflict, match=code):
        calendar_service.add_exception(planned.web, planned.id, new, planned.author.id, now=NOW)

    planned.web.rollback()
    assert rows_of(session, CalendarException) == 1


def test_the_same_may_be_entered_again_once_it_was_taken_back(planned: Planned) -> None:
    added = planned.add("suspension", one(TUESDAY))
    planned.cancel(added.exceptions[0].id)

    assert planned.add("suspension", one(TUESDAY)).changed_days == 1


def test_nothing_is_taken_back_twice_and_only_what_was_is_put_back(planned: Planned) -> None:
    [made] = planned.add("suspension", one(TUESDAY)).exceptions
    restore = (planned.web, planned.id, [made.id], planned.author.id)

    with pytest.raises(Conflict, match="not_cancelled"):
        calendar_service.restore_exceptions(*restore, now=NOW)
    planned.cancel(made.id)
    with pytest.raises(Conflict, match="cancelled_already"):
        planned.cancel(made.id)
    planned.web.rollback()
    restored = calendar_service.restore_exceptions(*restore, now=NOW)

    assert restored.exceptions[0].id != made.id
    assert restored.changed_days == 1


def test_what_was_made_together_is_listed_taken_back_and_put_back_as_one(
    session: Session, planned: Planned
) -> None:
    courses = tuple(course.id for course in planned.courses)
    added = planned.add("no_class", one(TUESDAY), course_ids=courses)
    planned.add("no_class", one(WEDNESDAY))

    listed = exceptions_within(session, planned.id, one(TUESDAY))
    ids = [row.id for row in added.exceptions]
    changed = calendar_service.cancel_exceptions(
        planned.web, planned.id, ids, planned.author.id, now=NOW
    )
    restored = calendar_service.restore_exceptions(
        planned.web, planned.id, ids, planned.author.id, now=NOW + timedelta(minutes=1)
    )
    planned.web.commit()

    assert [(row.ids, list(row.course_ids)) for row in listed] == [(ids, list(courses))]
    assert (changed, len(restored.exceptions)) == (1, 2)
    found = exception_listed(session, planned.id, ids[1])
    assert found is not None
    assert (found.ids, found.state(TODAY)) == (ids, "cancelled")


@pytest.mark.parametrize(
    ("week", "statuses"),
    [
        pytest.param(
            NewWeek((0,), WEDNESDAY, dict.fromkeys(range(1, 6), LATER)),
            {MONDAY: "left_early", TUESDAY: "left_early", WEDNESDAY: "present"},
            id="from Wednesday on",
        ),
        pytest.param(
            NewWeek((0,), MONDAY, {2: LATER}),
            {MONDAY: "left_early", TUESDAY: "present", WEDNESDAY: "left_early"},
            id="Tuesdays only",
        ),
        pytest.param(
            NewWeek((0,), MONDAY, {3: None}),
            {MONDAY: "left_early", TUESDAY: "left_early", WEDNESDAY: "no_class"},
            id="no more Wednesdays",
        ),
        pytest.param(
            NewWeek((1,), MONDAY, {2: LATER}),
            {MONDAY: "left_early", TUESDAY: "left_early", WEDNESDAY: "left_early"},
            id="another course",
        ),
        pytest.param(
            NewWeek((0,), MONDAY, {1: USUAL, 2: USUAL}),
            {MONDAY: "left_early", TUESDAY: "left_early", WEDNESDAY: "left_early"},
            id="what holds already",
        ),
    ],
)
def test_weekly_hours_conclude_the_days_since_they_begin(
    session: Session, planned: Planned, week: NewWeek, statuses: dict[date, str]
) -> None:
    before = days_of(session, planned.students[0])
    new = replace(week, course_ids=tuple(planned.courses[at].id for at in week.course_ids))

    changed = planned.set_week(new)

    after = days_of(session, planned.students[0])
    assert {day: after[day] for day in statuses} == statuses
    assert changed == sum(after[day] != before[day] for day in before)
    assert planned.set_week(new) == 0  # repeating changes nothing


def test_a_year_ends_the_time_in_which_every_week_had_class(
    session: Session, planned: Planned
) -> None:
    first = NewYear(2026, Span(WEDNESDAY, date(2026, 12, 18)))
    with_break = replace(
        first,
        terms=(("1", one(WEDNESDAY)), ("2", Span(FRIDAY, date(2026, 12, 18)))),
    )

    changed = planned.set_year(first)
    vacation = days_of(session, planned.students[0])
    changed_again = planned.set_year(with_break)

    assert (changed, changed_again) == (2, 1)
    assert [vacation[day] for day in (MONDAY, TUESDAY, WEDNESDAY)] == [
        "no_class",
        "no_class",
        "left_early",
    ]
    after = days_of(session, planned.students[0])
    assert after == vacation | {WEDNESDAY + timedelta(days=1): "no_class"}


def test_a_course_of_another_school_cannot_be_named(session: Session, planned: Planned) -> None:
    elsewhere = a_course(session, a_school(session)).id
    session.commit()

    with pytest.raises(NotFound):
        planned.add("no_class", one(TUESDAY), course_ids=(elsewhere,))
    planned.web.rollback()
    with pytest.raises(NotFound):
        planned.set_week(NewWeek((elsewhere,), MONDAY, {1: LATER}))


def test_families_are_told_once_and_only_those_whose_hours_change(
    session: Session, planned: Planned
) -> None:
    mothers = [a_guardian(session, student, told=False) for student in planned.students]
    session.commit()
    planned.set_week(NewWeek((planned.courses[1].id,), FRIDAY, {5: None}))
    added = planned.add("suspension", one(FRIDAY))

    told = planned.tell(added, today=FRIDAY)
    again = planned.tell(added, today=FRIDAY)

    assert (told, again) == (1, 0)
    rows = session.scalars(select(Notification)).all()
    assert [(row.guardian_id, row.kind, row.on_date) for row in rows] == [
        (mothers[0].id, "calendar_change", FRIDAY)
    ]
    session.expire_all()
    [row] = session.scalars(select(CalendarException)).all()
    assert (row.told_at, row.told_messages) == (NOW, 1)


@pytest.mark.parametrize("state", ["over", "cancelled"])
def test_what_is_no_news_is_told_to_nobody(session: Session, planned: Planned, state: str) -> None:
    a_guardian(session, *planned.students)
    session.commit()
    added = planned.add("suspension", one(FRIDAY))
    if state == "cancelled":
        planned.cancel(added.exceptions[0].id)
        planned.web.refresh(added.exceptions[0])

    with pytest.raises(Conflict, match="not_to_be_told"):
        planned.tell(added, today=SATURDAY if state == "over" else MONDAY)


def test_a_preview_counts_what_the_change_then_does(session: Session, planned: Planned) -> None:
    close(session, planned, TUESDAY, WEDNESDAY)
    told = a_guardian(session, *planned.students)
    stopped, quiet = (
        a_guardian(session, planned.students[0]),
        a_guardian(session, planned.students[1]),
    )
    stopped.stopped_at = NOW
    session.get_one(
        StudentGuardian, (planned.id, planned.students[1].id, quiet.id)
    ).notify_absence = False
    session.add(
        Notification(
            school_id=planned.id,
            student_id=planned.students[1].id,
            guardian_id=told.id,
            kind="absence",
            on_date=TUESDAY,
            ordinal=1,
            fact_at=NOW,
            due_at=NOW,
        )
    )
    session.commit()
    new = NewException("suspension", Span(TUESDAY, SATURDAY), "Motivo")

    preview = preview_exception(planned.web, planned.id, new)
    planned.web.rollback()
    added = planned.add("suspension", new.span)
    messages = planned.tell(added, today=TUESDAY)
    back = preview_cancel(planned.web, planned.id, [added.exceptions[0].id])

    assert (preview.courses, preview.students) == (2, 2)
    assert (preview.guardians, preview.messages, preview.withheld) == (1, 2, 2)
    assert (preview.days, preview.tapped, preview.alerted) == (6, 4, 1)
    assert messages == preview.messages
    [change] = preview.changes
    assert (change.before, change.after) == (USUAL, NoClass("suspension"))
    assert change.dates == (TUESDAY, WEDNESDAY, FRIDAY - timedelta(days=1), FRIDAY)
    assert [(one.before, one.after) for one in back.changes] == [(change.after, change.before)]


def test_a_preview_of_hours_and_of_a_year_counts_the_days_there(planned: Planned) -> None:
    course = planned.courses[0].id

    week = preview_week(planned.web, planned.id, NewWeek((course,), WEDNESDAY, {3: LATER, 6: None}))
    year = preview_year(planned.web, planned.id, NewYear(2026, Span(WEDNESDAY, date(2026, 12, 1))))
    nothing = preview_week(planned.web, planned.id, NewWeek((course,), MONDAY, {1: USUAL}))

    assert (week.courses, week.students, week.days, week.tapped) == (1, 1, 1, 1)
    assert all(day.isoweekday() == 3 for change in week.changes for day in change.dates)
    assert (year.courses, year.days) == (2, 2)
    assert (nothing.changes, nothing.students) == ((), 0)


def test_a_preview_of_what_does_not_exist_is_not_found(planned: Planned) -> None:
    with pytest.raises(NotFound):
        preview_cancel(planned.web, planned.id, [999])
