"""Letting a student go with somebody, or refusing to; and who may come at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.attendance import days
from central.attendance.manual_service import add_staff_tap
from central.attendance.passage_rules import COLLECTED
from central.attendance.staging import Said
from central.errors import NotFound
from central.notifications.notice_service import Notice, queue_notice
from central.people.models import Guardian, Student, StudentGuardian
from central.schools.models import School
from central.withdrawals import rules
from central.withdrawals.models import AuthorisedPerson, CustodyFlag, Withdrawal
from central.withdrawals.rules import Collector, Forbidden, Identity, Span


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody is here for a student: a guardian or an authorised person, and what they showed.

    ``signature_key`` names the drawn signature in the store; None when it is signed on paper.
    """

    request_key: UUID
    student_id: int
    shown: Identity
    reason: str
    guardian_id: int | None = None
    authorised_person_id: int | None = None
    comment: str = ""
    signature_key: str | None = None


NOTHING_SHOWN: Final = Identity("", "")


@dataclass(frozen=True, slots=True)
class Comer:
    """Somebody who may be at the desk; ``refusal`` None: nothing speaks against them."""

    guardian_id: int | None
    authorised_person_id: int | None
    name: str
    relationship: str
    refusal: str | None
    has_photo: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What is on file about the person."""

    collector: Collector
    relationship: str
    has_photo: bool = False


def withdraw(
    session: Session, school_id: int, asked: Asked, author_id: int, *, now: datetime
) -> Withdrawal:
    """Let the student go, or record that the person was refused; look at ``refusal``.

    Letting go makes an exit and tells the guardians. Sending the form again changes nothing.
    Raises NotFound for a student or person of another school, or a person of another student.
    """
    on_date = _today(session, school_id, now)
    _student(session, school_id, asked.student_id)
    days.lock_students(session, {(school_id, asked.student_id)})
    before = _sent_before(session, school_id, asked.request_key)
    if before is not None:
        return before
    known = _known(session, school_id, asked)
    forbidden = _forbidden(session, school_id, asked.student_id)
    withdrawal = _written(school_id, asked, known, now)
    withdrawal.on_date, withdrawal.author_id = on_date, author_id
    withdrawal.refusal = rules.refusal(known.collector, asked.shown, forbidden, on_date)
    if withdrawal.refusal is None:
        _let_go(session, withdrawal, asked, now=now)
    session.add(withdrawal)
    session.flush()
    _note(session, withdrawal)
    return withdrawal


def who_comes(session: Session, school_id: int, student_id: int, *, now: datetime) -> list[Comer]:
    """Guardians and authorised persons of today and to come, and who would be refused and why.

    What they show is still unknown: ``withdraw`` decides.
    """
    on_date = _today(session, school_id, now)
    forbidden = _forbidden(session, school_id, student_id)
    comers = []
    for asked in _askable(session, school_id, student_id):
        known = _known(session, school_id, asked)
        shown = known.collector.on_file or NOTHING_SHOWN
        comers.append(
            Comer(
                asked.guardian_id,
                asked.authorised_person_id,
                known.collector.name,
                known.relationship,
                rules.refusal(known.collector, shown, forbidden, on_date),
                known.has_photo,
            )
        )
    return sorted(comers, key=lambda comer: (comer.refusal is not None, comer.name))


def _askable(session: Session, school_id: int, student_id: int) -> Iterator[Asked]:
    guardians = select(StudentGuardian.guardian_id).where(
        StudentGuardian.school_id == school_id, StudentGuardian.student_id == student_id
    )
    persons = select(AuthorisedPerson.id).where(
        AuthorisedPerson.school_id == school_id,
        AuthorisedPerson.student_id == student_id,
        AuthorisedPerson.revoked_at.is_(None),
    )
    nobody = Asked(UUID(int=0), student_id, NOTHING_SHOWN, "")
    for guardian_id in session.scalars(guardians).all():
        yield replace(nobody, guardian_id=guardian_id)
    for person_id in session.scalars(persons).all():
        yield replace(nobody, authorised_person_id=person_id)


def _written(school_id: int, asked: Asked, known: _Known, now: datetime) -> Withdrawal:
    return Withdrawal(
        school_id=school_id,
        request_key=asked.request_key,
        student_id=asked.student_id,
        at=now,
        guardian_id=asked.guardian_id,
        authorised_person_id=asked.authorised_person_id,
        person_name=known.collector.name,
        relationship=known.relationship,
        identity_kind=asked.shown.kind,
        identity_number=asked.shown.number,
        reason=asked.reason,
        comment=asked.comment,
        created_at=now,
    )


def _let_go(session: Session, withdrawal: Withdrawal, asked: Asked, *, now: datetime) -> None:
    school_id, student_id = withdrawal.school_id, withdrawal.student_id
    said = Said(student_id, "out", told_otherwise=True)
    earlier = select(func.count()).where(
        Withdrawal.school_id == school_id,
        Withdrawal.student_id == student_id,
        Withdrawal.on_date == withdrawal.on_date,
        Withdrawal.refusal.is_(None),
    )
    ordinal = (session.scalar(earlier) or 0) + 1
    withdrawal.stream_id, withdrawal.seq = add_staff_tap(
        session, school_id, said, now, now=now, reader=COLLECTED
    )
    withdrawal.signature_key = asked.signature_key
    notice = Notice("withdrawal", withdrawal.on_date, now, ordinal)
    queue_notice(session, school_id, [student_id], notice, now=now)


def _known(session: Session, school_id: int, asked: Asked) -> _Known:
    if asked.guardian_id is not None:
        return _guardian(session, school_id, asked.student_id, asked.guardian_id)
    person = session.get(AuthorisedPerson, (school_id, asked.authorised_person_id or 0))
    if person is None or person.student_id != asked.student_id:
        raise NotFound("no such person")
    collector = Collector(
        name=person.full_name,
        on_file=Identity(person.identity_kind, person.identity_number),
        valid=Span(person.from_on, person.until_on),
        revoked=person.revoked_at is not None,
    )
    return _Known(collector, person.relationship, person.photo_key is not None)


def _guardian(session: Session, school_id: int, student_id: int, guardian_id: int) -> _Known:
    link = session.get(StudentGuardian, (school_id, student_id, guardian_id))
    guardian = session.get(Guardian, (school_id, guardian_id))
    if link is None or guardian is None:
        raise NotFound("no such guardian")
    collector = Collector(guardian.full_name, guardian_id, may_collect=link.may_collect)
    return _Known(collector, link.relationship)


def _forbidden(session: Session, school_id: int, student_id: int) -> list[Forbidden]:
    flags = session.scalars(
        select(CustodyFlag).where(
            CustodyFlag.school_id == school_id,
            CustodyFlag.student_id == student_id,
            CustodyFlag.ended_at.is_(None),
        )
    )
    return [
        Forbidden(
            flag.person_name,
            Span(flag.from_on, flag.until_on),
            flag.guardian_id,
            Identity(flag.identity_kind, flag.identity_number)
            if flag.identity_kind and flag.identity_number
            else None,
        )
        for flag in flags
    ]


def _sent_before(session: Session, school_id: int, request_key: UUID) -> Withdrawal | None:
    return session.scalars(
        select(Withdrawal).where(
            Withdrawal.school_id == school_id, Withdrawal.request_key == request_key
        )
    ).one_or_none()


def _student(session: Session, school_id: int, student_id: int) -> None:
    if session.get(Student, (school_id, student_id)) is None:
        raise NotFound("no such student")


def _today(session: Session, school_id: int, now: datetime) -> date:
    zone = session.scalars(select(School.timezone).where(School.id == school_id)).one()
    return now.astimezone(ZoneInfo(zone)).date()


def _note(session: Session, withdrawal: Withdrawal) -> None:
    action = "withdrawal_refused" if withdrawal.refusal else "student_withdrawn"
    detail = {"withdrawal": withdrawal.id, "refusal": withdrawal.refusal}
    subject = f"student:{withdrawal.student_id}"
    record(session, withdrawal.school_id, withdrawal.author_id, action, subject, detail)
