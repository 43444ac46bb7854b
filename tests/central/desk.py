"""A school with an inspector's office: who works there, and a day that can be closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.accounts.models import AuditEntry, Membership, User
from central.attendance.manual_service import Passage
from central.attendance.models import AttendanceDay, DayClosing
from central.attendance.service import refresh_school_days
from central.notifications.models import Notification
from central.people.models import Guardian, Student
from central.schools.models import School
from central.tasks.models import Task
from central.withdrawals.rules import RUN, Identity, check_digit
from tests.builders import MORNING, SCHOOL_DAY, a_course, a_guardian, a_school, a_student, a_user

SessionAs = Callable[..., Session]


@dataclass
class Desk:
    """One student with a guardian; an inspector who writes, a director who confirms."""

    school: School
    student: Student
    guardian: Guardian
    inspector: User
    director: User
    web: Session

    @property
    def id(self) -> int:
        return self.school.id


def a_desk(session: Session, session_as: SessionAs) -> Desk:
    school = a_school(session)
    student = a_student(session, a_course(session, school), card="c1")
    guardian = a_guardian(session, student)
    inspector, director = a_user(session), a_user(session)
    for user, role in ((inspector, "inspector"), (director, "director")):
        session.add(Membership(school_id=school.id, user_id=user.id, role=role))
    session.commit()
    return Desk(school, student, guardian, inspector, director, session_as("web", school.id))


def close_day(session: Session, desk: Desk, on_date: date = SCHOOL_DAY) -> None:
    """As the scheduler does in the evening."""
    session.add(DayClosing(school_id=desk.id, on_date=on_date))
    session.flush()
    refresh_school_days(session, desk.id, on_date, on_date)
    session.commit()


def a_run(number: int = 12_345_678) -> Identity:
    return Identity(RUN, f"{number}-{check_digit(number)}")


def a_passage(desk: Desk, direction: str = "in", **changes: object) -> Passage:
    values = {
        "request_key": uuid4(),
        "student_id": desk.student.id,
        "direction": direction,
        "at": MORNING,
        "reason": "Olvidó la tarjeta",
    }
    return Passage(**(values | changes))  # type: ignore[arg-type]  # by name


def day_of(session: Session, desk: Desk, on_date: date = SCHOOL_DAY) -> AttendanceDay | None:
    session.expire_all()
    return session.get(AttendanceDay, (desk.id, on_date, desk.student.id))


def status_on(session: Session, desk: Desk, on_date: date = SCHOOL_DAY) -> str | None:
    day = day_of(session, desk, on_date)
    return None if day is None else day.status


def tasks(session: Session) -> list[tuple[str, str]]:
    """Kind and state of every task, oldest first."""
    rows = session.execute(select(Task.kind, Task.state).order_by(Task.id))
    return [(kind, state) for kind, state in rows]


def kinds_told(session: Session) -> list[str]:
    return list(session.scalars(select(Notification.kind).order_by(Notification.id)))


def actions(session: Session) -> list[str]:
    return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def rows_of(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0
