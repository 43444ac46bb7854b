"""A school on the morning of a school day: its gates live, and some of its students are missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance.service import SentTaps, record_taps
from central.models import Course, Gate, School, Student
from central.no_shows import scene_queries, watch_service
from central.no_shows.scene_queries import Start
from central.no_shows.service import check_late, look_again, run_check
from central.no_shows.watch_service import survey
from contracts.messages import TapBatch
from tests.builders import (
    a_course,
    a_device,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    a_tap,
)

SessionAs = Callable[..., Session]
BELL = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)  # 8:00 in Santiago
GRACE = timedelta(minutes=15)
DUE = BELL + GRACE
OPENED = BELL - timedelta(minutes=60)


@dataclass
class MorningSchool:
    """``students`` are by course, each with a card of its own and two guardians."""

    school: School
    courses: list[Course]
    gates: list[Gate]
    devices: list[str]
    students: list[list[Student]]
    seqs: dict[int, int] = field(default_factory=dict)  # by gate: taps so far

    @property
    def everybody(self) -> list[Student]:
        return [student for course in self.students for student in course]


def a_morning(session: Session, *, courses: int = 1, students: int = 10) -> MorningSchool:
    """A school whose two gates were heard of a moment before the check is due. Commits."""
    school = a_school(session)
    made = [a_course(session, school) for _ in range(courses)]
    gates = [a_gate(session, school, name=name) for name in ("Puerta Norte", "Puerta Sur")]
    devices = [a_device(session, gate, direction="in").id for gate in gates]
    groups = [_a_class(session, course, students) for course in made]
    for device in devices:
        hear_from(session, device, at=DUE - timedelta(seconds=20), since=OPENED)
    session.commit()
    return MorningSchool(school, made, gates, devices, groups)


def _a_class(session: Session, course: Course, size: int) -> list[Student]:
    group = [a_student(session, course, card=_card(course, number)) for number in range(size)]
    for student in group:
        a_guardian(session, student)
        a_guardian(session, student, told=False)  # no usual passages, but an absence
    return group


def _card(course: Course, number: int) -> str:
    return f"{course.school_id}/{course.id}/{number}"


def hear_from(
    session: Session, device: str, *, at: datetime, since: datetime, backlog: int = 0
) -> None:
    """As if the device had connected ``since`` and reported its health ``at``. Commits."""
    session.execute(
        text(
            "UPDATE devices SET online = true, status_at = :since, status_received_at = :since,"
            " health_at = :at, backlog = :backlog WHERE id = :device"
        ),
        {"device": device, "at": at, "since": since, "backlog": backlog},
    )
    session.commit()


def lose(session: Session, device: str, *, at: datetime) -> None:
    """As if the broker had said, a little later, that the device is gone. Commits."""
    session.execute(
        text(
            "UPDATE devices SET online = false, status_received_at = :said, health_at = :at"
            " WHERE id = :device"
        ),
        {"device": device, "at": at, "said": at + timedelta(seconds=45)},
    )
    session.commit()


def tap_in(
    ingest: Session,
    morning: MorningSchool,
    students: Sequence[Student],
    *,
    at: datetime,
    received: datetime | None = None,
    gate: int = 0,
) -> None:
    """These students tap at a gate at that time; central gets it a second later. Commits."""
    cards = {
        student.id: _card(course, number)
        for course, group in zip(morning.courses, morning.students, strict=True)
        for number, student in enumerate(group)
    }
    first = morning.seqs.get(gate, 0) + 1
    taps = tuple(
        a_tap(first + number, card=cards[student.id], at=at)
        for number, student in enumerate(students)
    )
    morning.seqs[gate] = first + len(taps) - 1
    sent = [
        SentTaps(morning.devices[gate], TapBatch("s1", taps[begin : begin + 50]))
        for begin in range(0, len(taps), 50)
    ]
    record_taps(ingest, sent, now=received or at + timedelta(seconds=1))
    ingest.commit()


def the_start(session: Session, morning: MorningSchool, now: datetime = DUE) -> Start:
    """The one start of the school's day, as the scheduler finds it."""
    found = scene_queries.morning_of(session, [morning.school.id], now, GRACE)
    (start,) = found.starts
    return start


def watch(session_as: SessionAs, school_id: int, now: datetime) -> None:
    """One round of the scheduler's watch, each part in its own transaction as there."""
    scheduler = session_as("scheduler", school_id)
    found = survey(scheduler, [school_id], now=now, grace=GRACE)
    scheduler.commit()
    for _, gate_id in found.back:
        watch_service.end_outage(scheduler, school_id, gate_id)
        scheduler.commit()
    for start in found.due:
        run_check(scheduler, start, now=now)
        scheduler.commit()
    for start in found.late:
        check_late(scheduler, start, now=now)
        scheduler.commit()
    for held in found.held:
        look_again(scheduler, held.start, held.task_id, now=now)
        scheduler.commit()


def told_kinds(session: Session) -> list[str]:
    """The kinds of all messages, in the order in which they were queued."""
    session.rollback()
    return list(session.scalars(text("SELECT kind FROM notifications ORDER BY id")))


def no_show_states(session: Session) -> dict[str, int]:
    session.rollback()
    rows: Any = session.execute(text("SELECT state, count(*) FROM no_shows GROUP BY state"))
    return dict(list(rows))


def tasks(session: Session) -> list[tuple[str, list[str]]]:
    """Each task's state and the codes of its reasons."""
    session.rollback()
    rows: Any = session.execute(text("SELECT state, reasons FROM tasks ORDER BY id"))
    return [(state, [reason["code"] for reason in reasons]) for state, reasons in rows]
