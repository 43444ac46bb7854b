"""A small school's week in which anything may become known in any order, through real services."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.absences import service as absences
from central.absences.service import Asked, Step
from central.attendance import calendar_service, corrections_service, enrolment_service
from central.attendance.closing_service import close_day
from central.attendance.corrections_rules import Verdict
from central.attendance.corrections_service import NamedTap, StatusChange
from central.attendance.manual_service import Passage, record_manual
from central.attendance.models import DayCorrection, Tap
from central.attendance.rebuild import rebuild
from central.attendance.service import SentTaps, record_taps, refresh_school_days
from central.calendar.planning_rules import NewException, NewWeek, NewYear
from central.calendar.rules import Hours, Span, moment
from central.db import enter_schools
from central.devices.models import GateCourse, GateOutage
from central.errors import Conflict, NotAllowed, NotFound
from central.withdrawals import service as withdrawals
from central.withdrawals.rules import Identity
from contracts.messages import Anchor, TapBatch
from tests.builders import (
    a_card,
    a_course,
    a_device,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    a_tap,
    a_user,
)

SANTIAGO = ZoneInfo("America/Santiago")
FIRST, LAST = date(2026, 4, 2), date(2026, 4, 8)  # clocks go back in the night to the 5th
WEEK = Span(FIRST, LAST)
NOW = datetime(2026, 4, 10, 15, tzinfo=UTC)
TODAY = date(2026, 4, 10)
STUDENTS = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Seen:
    """One of a student's two cards at a gate, when the wall clock showed ``shown``."""

    student: int
    card: int
    on_date: date
    shown: time
    clock: str = "synced"


class WeekOfFacts:
    """One school; each method is one transaction of the process that does such a thing."""

    def __init__(self, owner: Session, web: Session, ingest: Session) -> None:
        self.owner = owner
        school = a_school(owner)
        courses = [a_course(owner, school, starts_at=starts) for starts in (time(8), time(9))]
        students = [a_student(owner, courses[0], card=f"{one} 0") for one in range(STUDENTS)]
        for one, student in enumerate(students):
            a_card(owner, student, f"{one} 1")
        self.guardians = [a_guardian(owner, student).id for student in students]
        gates = [a_gate(owner, school) for _ in range(3)]
        owner.add(GateCourse(school_id=school.id, gate_id=gates[0].id, course_id=courses[1].id))
        self.devices = [
            a_device(owner, gate, direction=direction).id
            for gate, direction in zip(gates, ("auto", "in", "out"), strict=True)
        ]
        self.author, self.second = a_user(owner).id, a_user(owner).id
        owner.commit()
        self.id = school.id
        self.courses = [course.id for course in courses]
        self.students = [student.id for student in students]
        self.gates = [gate.id for gate in gates]
        self.sent = dict.fromkeys(self.devices, 0)
        self.exceptions: list[int] = []
        self.requests: list[int] = []
        self.corrections: list[int] = []
        self.web, self.ingest = web, ingest
        for process in (web, ingest):
            enter_schools(process, [school.id])

    def taps(self, device: str, seen: list[Seen]) -> None:
        batch = []
        for one in seen:
            self.sent[device] += 1
            at = moment(one.on_date, one.shown, SANTIAGO)
            boot_ms = int((at - moment(FIRST, time(0), SANTIAGO)).total_seconds() * 1000)
            batch.append(
                a_tap(
                    self.sent[device],
                    card=f"{one.student} {one.card}",
                    at=at,
                    clock=one.clock,
                    up_ms=boot_ms,
                )
            )
        if not batch:
            return
        record_taps(self.ingest, [SentTaps(device, TapBatch("s1", tuple(batch)))], now=NOW)
        self.ingest.commit()

    def clock_becomes_known(self, device: str, minutes_off: int) -> None:
        zero = moment(FIRST, time(0), SANTIAGO) + timedelta(minutes=minutes_off)
        anchor = Anchor("boot-1", int(zero.timestamp() * 1000), NOW)
        record_taps(self.ingest, [], [(device, anchor)], now=NOW)
        self.ingest.commit()

    def staff_enter(self, student: int, direction: str, on_date: date, shown: time) -> None:
        at = moment(on_date, shown, SANTIAGO)
        passage = Passage(uuid4(), student, direction, at, "x")
        self._try(lambda: record_manual(self.web, self.id, passage, self.author, now=NOW))

    def withdraw(self, number: int, on_date: date, shown: time) -> None:
        asked = withdrawals.Asked(
            uuid4(),
            self.students[number],
            Identity("passport", "AB123456"),
            "medical",
            guardian_id=self.guardians[number],
        )
        at = moment(on_date, shown, SANTIAGO)
        self._try(lambda: withdrawals.withdraw(self.web, self.id, asked, self.author, now=at))

    def ask(self, student: int, kind: str, span: Span) -> None:
        comes_at = time(10) if kind == "late" else None
        asked = Asked(student, *span, kind, "illness", comes_at=comes_at)
        made = self._try(
            lambda: absences.request_absence(self.web, self.id, asked, self.author, now=NOW).id
        )
        self.requests += [made] if made else []

    def decide(self, request: int, action: str) -> None:
        step = Step(action, self.second)
        self._try(lambda: absences.take_step(self.web, self.id, request, step, now=NOW))

    def correct(self, student: int, on_date: date, status: str) -> None:
        change = StatusChange(student, on_date, status, "x", 9 if status == "late" else None)
        self._corrected(
            lambda: (
                corrections_service.set_status(self.web, self.id, change, self.author, now=NOW).id
            )
        )

    def ignore_a_tap(self, number: int) -> None:
        self._say_of_a_tap(corrections_service.ignore_tap, number)

    def restore_a_tap(self, number: int) -> None:
        self._say_of_a_tap(corrections_service.restore_tap, number)

    def _say_of_a_tap(self, say: Callable[..., DayCorrection], number: int) -> None:
        taps = self.web.execute(
            select(Tap.student_id, Tap.on_date, Tap.stream_id, Tap.seq).order_by(Tap.id)
        ).all()
        if not taps:
            return
        tap = taps[number % len(taps)]
        change = NamedTap(tap.student_id or 0, tap.on_date, tap.stream_id, tap.seq, "x")
        self._corrected(lambda: say(self.web, self.id, change, self.author, now=NOW).id)

    def confirm(self, correction: int, state: str) -> None:
        verdict = Verdict(state, self.second)
        self._try(
            lambda: corrections_service.decide_correction(
                self.web, self.id, correction, verdict, now=NOW
            )
        )

    def except_from_the_week(self, new: NewException) -> None:
        added = self._try(
            lambda: (
                calendar_service.add_exception(
                    self.web, self.id, new, self.author, now=NOW
                ).exceptions
            )
        )
        self.exceptions += [one.id for one in added or ()]

    def cancel(self, exception: int) -> None:
        self._try(
            lambda: calendar_service.cancel_exception(
                self.web, self.id, exception, self.author, now=NOW
            )
        )

    def tell_the_year(self, span: Span, break_on: date) -> None:
        day = timedelta(days=1)
        terms = (("1", Span(span.starts_on, break_on - day)), ("2", Span(break_on + day, span[1])))
        new = NewYear(2026, span, terms)
        self._try(lambda: calendar_service.set_year(self.web, self.id, new, self.author))

    def change_the_hours(
        self, courses: tuple[int, ...], from_on: date, hours: Hours | None
    ) -> None:
        new = NewWeek(courses, from_on, dict.fromkeys((1, 2, 3, 4), hours))
        self._try(
            lambda: calendar_service.set_week(self.web, self.id, new, self.author, today=TODAY)
        )

    def change_course(self, student: int, course: int, from_on: date) -> None:
        self._try(
            lambda: enrolment_service.change_course(
                self.web, self.id, student, course, from_on, self.author
            )
        )

    def leave(self, student: int, last_on: date) -> None:
        self._try(
            lambda: enrolment_service.leave_school(self.web, self.id, student, last_on, self.author)
        )

    def close(self, on_date: date) -> None:
        close_day(self.owner, self.id, on_date, now=NOW)
        self.owner.commit()

    def outage(self, gate: int, on_date: date, minutes: int) -> None:
        began = moment(on_date, time(7, 30), SANTIAGO)
        until = began + timedelta(minutes=minutes)
        self.owner.add(GateOutage(school_id=self.id, gate_id=gate, from_at=began, until_at=until))
        self.owner.flush()
        refresh_school_days(self.owner, self.id, on_date, on_date)
        self.owner.commit()

    def days(self) -> list[str]:
        """The rows as PostgreSQL prints them."""
        rows = text(
            "SELECT d::text FROM attendance_days d WHERE school_id = :id"
            " ORDER BY on_date, student_id"
        )
        return list(self.owner.scalars(rows, {"id": self.id}))

    def rebuilt(self) -> list[str]:
        """What the rows are when nothing but the facts is known. Leaves everything as it was."""
        which = text("DELETE FROM attendance_days WHERE school_id = :id")
        self.owner.execute(which, {"id": self.id})
        rebuild(self.owner, self.id, Span(date(2026, 3, 1), date(2026, 5, 1)))
        found = self.days()
        self.owner.rollback()
        return found

    def _corrected(self, change: Callable[[], int]) -> None:
        made = self._try(change)
        self.corrections += [made] if made else []

    def _try(self, change: Callable[[], T]) -> T | None:
        """As a page does: what cannot be is refused and leaves nothing."""
        made = None
        with suppress(Conflict, NotFound, NotAllowed):
            made = change()
            self.web.commit()
        self.web.rollback()
        return made
