"""Who may see, be told about and collect a student; and whom a court order keeps away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.errors import Conflict, NotFound
from central.people.models import Student, StudentGuardian
from central.withdrawals.models import AuthorisedPerson, CustodyFlag
from central.withdrawals.rules import Identity


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody whom the family authorises to collect a student, on dates both included."""

    student_id: int
    full_name: str
    identity: Identity
    relationship: str
    from_on: date
    until_on: date | None = None
    phone: str | None = None
    photo_key: str | None = None


@dataclass(frozen=True, slots=True)
class NewFlag:
    """A court order against a person, known as well as the school knows them."""

    student_id: int
    person_name: str
    court_order: str
    from_on: date
    until_on: date | None = None
    guardian_id: int | None = None
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class Rights:
    """What a guardian may do about a student; each stands for itself."""

    may_see: bool
    notify_entry: bool
    notify_exit: bool
    notify_absence: bool
    may_collect: bool


def authorise(
    session: Session, school_id: int, person: NewPerson, author_id: int, *, now: datetime
) -> AuthorisedPerson:
    """Let a person collect a student. Raises NotFound, and Conflict for one who may already."""
    _student(session, school_id, person.student_id)
    if person.until_on is not None and person.until_on < person.from_on:
        raise Conflict("dates_out_of_order")
    same = select(AuthorisedPerson.id).where(
        AuthorisedPerson.school_id == school_id,
        AuthorisedPerson.student_id == person.student_id,
        AuthorisedPerson.identity_kind == person.identity.kind,
        AuthorisedPerson.identity_number == person.identity.number,
        AuthorisedPerson.from_on == person.from_on,
        AuthorisedPerson.revoked_at.is_(None),
    )
    if session.scalar(same) is not None:
        raise Conflict("authorised_already")
    row = AuthorisedPerson(
        school_id=school_id,
        student_id=person.student_id,
        full_name=person.full_name,
        identity_kind=person.identity.kind,
        identity_number=person.identity.number,
        relationship=person.relationship,
        phone=person.phone,
        from_on=person.from_on,
        until_on=person.until_on,
        photo_key=person.photo_key,
        author_id=author_id,
        created_at=now,
    )
    _keep(session, row, author_id, "person_authorised")
    return row


def revoke(
    session: Session, school_id: int, person_id: int, by: int, *, now: datetime
) -> AuthorisedPerson:
    """From now on the person may not collect. Raises NotFound, and Conflict when revoked before."""
    person = session.get(AuthorisedPerson, (school_id, person_id), with_for_update=True)
    if person is None:
        raise NotFound("no such person")
    if person.revoked_at is not None:
        raise Conflict("already_decided")
    person.revoked_at, person.revoked_by = now, by
    _keep(session, person, by, "person_revoked")
    return person


def forbid(
    session: Session, school_id: int, flag: NewFlag, author_id: int, *, now: datetime
) -> CustodyFlag:
    """Enter a court order. Raises NotFound for a student or guardian who is not of this school."""
    _student(session, school_id, flag.student_id)
    if flag.until_on is not None and flag.until_on < flag.from_on:
        raise Conflict("dates_out_of_order")
    if flag.guardian_id is not None:
        link = session.get(StudentGuardian, (school_id, flag.student_id, flag.guardian_id))
        if link is None:
            raise NotFound("no such guardian")
    row = CustodyFlag(
        school_id=school_id,
        student_id=flag.student_id,
        person_name=flag.person_name,
        guardian_id=flag.guardian_id,
        identity_kind=flag.identity.kind if flag.identity else None,
        identity_number=flag.identity.number if flag.identity else None,
        court_order=flag.court_order,
        from_on=flag.from_on,
        until_on=flag.until_on,
        author_id=author_id,
        created_at=now,
    )
    _keep(session, row, author_id, "custody_flag_added")
    return row


def end_flag(
    session: Session, school_id: int, flag_id: int, by: int, *, now: datetime
) -> CustodyFlag:
    """The order holds no more. Raises NotFound, and Conflict when it was ended before."""
    flag = session.get(CustodyFlag, (school_id, flag_id), with_for_update=True)
    if flag is None:
        raise NotFound("no such order")
    if flag.ended_at is not None:
        raise Conflict("already_decided")
    flag.ended_at, flag.ended_by = now, by
    _keep(session, flag, by, "custody_flag_ended")
    return flag


def set_rights(
    session: Session, school_id: int, link: tuple[int, int], rights: Rights, by: int
) -> None:
    """What a guardian may do about a student, as ``link`` (student, guardian). Raises NotFound."""
    student_id, guardian_id = link
    row = session.get(StudentGuardian, (school_id, student_id, guardian_id), with_for_update=True)
    if row is None:
        raise NotFound("no such guardian")
    names = ("may_see", "notify_entry", "notify_exit", "notify_absence", "may_collect")
    changed = {
        name: getattr(rights, name) for name in names if getattr(row, name) != getattr(rights, name)
    }
    for name, value in changed.items():
        setattr(row, name, value)
    session.flush()
    if changed:
        detail = {"guardian": guardian_id, **changed}
        record(session, school_id, by, "guardian_rights_set", f"student:{student_id}", detail)


def note_look(session: Session, school_id: int, user_id: int, student_id: int, what: str) -> None:
    """Keep that somebody looked at what is sensitive about a student: ``what`` they saw."""
    record(session, school_id, user_id, f"saw_{what}", f"student:{student_id}")


def _student(session: Session, school_id: int, student_id: int) -> None:
    if session.get(Student, (school_id, student_id)) is None:
        raise NotFound("no such student")


def _keep(session: Session, row: AuthorisedPerson | CustodyFlag, by: int, action: str) -> None:
    session.add(row)
    session.flush()
    detail: dict[str, Any] = {row.__tablename__: row.id}
    record(session, row.school_id, by, action, f"student:{row.student_id}", detail)
