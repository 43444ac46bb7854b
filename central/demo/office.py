"""What the demo school's office has had to do: absences, people who may collect, a court order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.absences.service import Asked, Step, request_absence_as_guardian, take_step
from central.accounts.models import User
from central.db import enter_schools
from central.demo.school import STAFF
from central.people.models import Student, StudentGuardian
from central.withdrawals.collectors_service import NewFlag, NewPerson, authorise, forbid
from central.withdrawals.rules import RUN, Identity, check_digit

# days from today, days long, kind, reason, comment, what was decided
ABSENCES: Final = (
    (0, 2, "absence", "illness", "Tiene fiebre desde anoche", None),
    (1, 1, "early_leave", "medical", "Hora al dentista a las 12:00", None),
    (0, 1, "absence", "bereavement", "", "approve"),
    (-3, 3, "absence", "illness", "Certificado médico en papel", "approve"),
    (5, 4, "absence", "travel", "Viaje al sur con la familia", "reject"),
    (-1, 1, "late", "transport", "Se cortó la locomoción", "withdraw"),
)
COMES_AT: Final = time(10, 30)
NOTES: Final = {"reject": "Es semana de pruebas; conversémoslo en una reunión"}
PEOPLE: Final = (("Carmen Rebolledo Fuentes", "grandparent"), ("Luis Araya Peña", "transport"))
FIRST_NUMBER: Final = 90_000_000  # above any RUN that is issued, so nobody's


def record_office(session: Session, school_id: int, zone: ZoneInfo, *, now: datetime) -> None:
    """Ask for absences in each state, authorise some people, enter one court order."""
    enter_schools(session, [school_id])
    today = now.astimezone(zone).date()
    inspector = session.scalars(select(User.id).where(User.email == STAFF["inspector"][0])).one()
    links = session.execute(
        select(Student.id, StudentGuardian.guardian_id)
        .join(
            StudentGuardian,
            (StudentGuardian.school_id == Student.school_id)
            & (StudentGuardian.student_id == Student.id),
        )
        .where(Student.school_id == school_id, StudentGuardian.relationship == "mother")
        .order_by(Student.id)
        .limit(len(ABSENCES))
    ).all()
    _ask(session, school_id, [(row[0], row[1]) for row in links], inspector, today, now)
    _authorise(session, school_id, links[0][0], inspector, today, now)
    _forbid(session, school_id, links[1][0], inspector, today, now)


def _ask(
    session: Session,
    school_id: int,
    links: Sequence[tuple[int, int]],
    inspector: int,
    today: date,
    now: datetime,
) -> None:
    for (student, guardian), (begins, days, kind, reason, comment, decision) in zip(
        links, ABSENCES, strict=True
    ):
        first = today + timedelta(days=begins)
        last = first + timedelta(days=days - 1)
        comes_at = COMES_AT if kind == "late" else None
        asked = Asked(student, first, last, kind, reason, comment, comes_at)
        made = request_absence_as_guardian(session, school_id, asked, guardian, now=now)
        if decision is not None:
            step = Step(decision, inspector, NOTES.get(decision))
            take_step(session, school_id, made.id, step, now=now)


def _authorise(
    session: Session, school_id: int, student: int, inspector: int, today: date, now: datetime
) -> None:
    for number, (name, relationship) in enumerate(PEOPLE, FIRST_NUMBER):
        person = NewPerson(
            student,
            name,
            Identity(RUN, f"{number}-{check_digit(number)}"),
            relationship,
            today - timedelta(days=30),
            today + timedelta(days=300),
        )
        authorise(session, school_id, person, inspector, now=now)


def _forbid(
    session: Session, school_id: int, student: int, inspector: int, today: date, now: datetime
) -> None:
    father = session.execute(
        select(StudentGuardian.guardian_id).where(
            StudentGuardian.school_id == school_id,
            StudentGuardian.student_id == student,
            StudentGuardian.relationship == "father",
        )
    ).scalar_one()
    flag = NewFlag(
        student,
        "Padre, según la orden",
        "Juzgado de Familia de Prueba, P-1-2026",
        today - timedelta(days=60),
        guardian_id=father,
    )
    forbid(session, school_id, flag, inspector, now=now)
