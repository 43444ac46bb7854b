"""Who comes for a student, and who came. What is sensitive is read here alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session, aliased

from central.accounts.models import User
from central.people.models import Course, Guardian, Student, StudentGuardian
from central.withdrawals.models import AuthorisedPerson, CustodyFlag, Withdrawal

PAGE_SIZE: Final = 100


@dataclass(frozen=True, slots=True)
class StudentSeen:
    id: int
    given_names: str
    family_names: str
    course_id: int
    course: str


@dataclass(frozen=True, slots=True)
class GuardianListed:
    id: int
    full_name: str
    phone: str | None
    relationship: str
    may_see: bool
    notify_entry: bool
    notify_exit: bool
    notify_absence: bool
    may_collect: bool


@dataclass(frozen=True, slots=True)
class PersonListed:
    id: int
    student_id: int
    full_name: str
    identity_kind: str
    identity_number: str
    relationship: str
    phone: str | None
    from_on: date
    until_on: date | None
    photo_key: str | None
    author: str
    created_at: datetime
    revoked_at: datetime | None

    def comes_on(self, on_date: date) -> bool:
        """Whether the authorisation holds on a date."""
        begun = self.from_on <= on_date
        return begun and self.revoked_at is None and not (self.until_on and self.until_on < on_date)


@dataclass(frozen=True, slots=True)
class FlagListed:
    id: int
    person_name: str
    guardian_id: int | None
    identity_kind: str | None
    identity_number: str | None
    court_order: str
    from_on: date
    until_on: date | None
    author: str
    created_at: datetime
    ended_at: datetime | None

    def holds_on(self, on_date: date) -> bool:
        begun = self.from_on <= on_date
        return begun and self.ended_at is None and not (self.until_on and self.until_on < on_date)


@dataclass(frozen=True, slots=True)
class WithdrawalListed:
    """``refusal`` None: the student was let go."""

    id: int
    student_id: int
    given_names: str
    family_names: str
    course: str
    on_date: date
    at: datetime
    person_name: str
    relationship: str
    identity_kind: str
    identity_number: str
    reason: str
    comment: str
    refusal: str | None
    signature_key: str | None
    stream_id: int | None
    seq: int | None
    author: str

    @property
    def signed(self) -> bool:
        return self.signature_key is not None


def student_seen(session: Session, school_id: int, student_id: int) -> StudentSeen | None:
    row = session.execute(
        select(
            *(Student.id, Student.given_names, Student.family_names, Student.course_id),
            Course.name.label("course"),
        )
        .join(Course, and_(Course.school_id == Student.school_id, Course.id == Student.course_id))
        .where(Student.school_id == school_id, Student.id == student_id)
    ).one_or_none()
    return None if row is None else StudentSeen(**row._mapping)


def guardians_of(session: Session, school_id: int, student_id: int) -> list[GuardianListed]:
    """The student's guardians with their rights, by name."""
    link = StudentGuardian
    rows = session.execute(
        select(
            *(Guardian.id, Guardian.full_name, Guardian.phone, link.relationship, link.may_see),
            *(link.notify_entry, link.notify_exit, link.notify_absence, link.may_collect),
        )
        .join(Guardian, and_(Guardian.school_id == link.school_id, Guardian.id == link.guardian_id))
        .where(link.school_id == school_id, link.student_id == student_id)
        .order_by(Guardian.full_name, Guardian.id)
    )
    return [GuardianListed(**row._mapping) for row in rows]


def persons_of(session: Session, school_id: int, student_id: int) -> list[PersonListed]:
    """Everybody who was ever authorised for the student, by name; see ``comes_on``."""
    query = _persons(school_id).where(AuthorisedPerson.student_id == student_id)
    rows = session.execute(query.order_by(AuthorisedPerson.full_name, AuthorisedPerson.id))
    return [PersonListed(**row._mapping) for row in rows]


def one_person(session: Session, school_id: int, person_id: int) -> PersonListed | None:
    row = session.execute(_persons(school_id).where(AuthorisedPerson.id == person_id)).one_or_none()
    return None if row is None else PersonListed(**row._mapping)


def flags_of(session: Session, school_id: int, student_id: int) -> list[FlagListed]:
    """Every court order about the student, newest first, ended ones too."""
    flag = CustodyFlag
    rows = session.execute(
        select(
            *(flag.id, flag.person_name, flag.guardian_id, flag.identity_kind),
            *(flag.identity_number, flag.court_order, flag.from_on, flag.until_on),
            *(User.full_name.label("author"), flag.created_at, flag.ended_at),
        )
        .join(User, User.id == flag.author_id)
        .where(flag.school_id == school_id, flag.student_id == student_id)
        .order_by(flag.id.desc())
    )
    return [FlagListed(**row._mapping) for row in rows]


def withdrawals_before(
    session: Session,
    school_id: int,
    before: int | None,
    limit: int = PAGE_SIZE,
    *,
    on_date: date | None = None,
    student_id: int | None = None,
) -> list[WithdrawalListed]:
    """At most ``limit`` withdrawals and refusals older than the one of that id, newest first."""
    query = _withdrawals(school_id)
    if before is not None:
        query = query.where(Withdrawal.id < before)
    query = _narrowed(query, on_date, student_id)
    rows = session.execute(query.order_by(Withdrawal.id.desc()).limit(limit))
    return [WithdrawalListed(**row._mapping) for row in rows]


def withdrawals_after(
    session: Session,
    school_id: int,
    after: int,
    limit: int,
    *,
    on_date: date | None = None,
    student_id: int | None = None,
) -> list[WithdrawalListed]:
    """At most ``limit`` withdrawals and refusals with an id above ``after``, by id."""
    query = _narrowed(_withdrawals(school_id).where(Withdrawal.id > after), on_date, student_id)
    rows = session.execute(query.order_by(Withdrawal.id).limit(limit))
    return [WithdrawalListed(**row._mapping) for row in rows]


def one_withdrawal(session: Session, school_id: int, withdrawal_id: int) -> WithdrawalListed | None:
    row = session.execute(
        _withdrawals(school_id).where(Withdrawal.id == withdrawal_id)
    ).one_or_none()
    return None if row is None else WithdrawalListed(**row._mapping)


def _narrowed(query: Select[Any], on_date: date | None, student_id: int | None) -> Select[Any]:
    for column, value in ((Withdrawal.on_date, on_date), (Withdrawal.student_id, student_id)):
        if value is not None:
            query = query.where(column == value)
    return query


def _persons(school_id: int) -> Select[Any]:
    one = AuthorisedPerson
    columns: tuple[Any, ...] = (
        *(one.id, one.student_id, one.full_name, one.identity_kind, one.identity_number),
        *(one.relationship, one.phone, one.from_on, one.until_on, one.photo_key),
        *(User.full_name.label("author"), one.created_at, one.revoked_at),
    )
    return select(*columns).join(User, User.id == one.author_id).where(one.school_id == school_id)


def _withdrawals(school_id: int) -> Select[Any]:
    one, author = Withdrawal, aliased(User)
    columns: tuple[Any, ...] = (
        *(one.id, one.student_id, Student.given_names, Student.family_names),
        *(Course.name.label("course"), one.on_date, one.at, one.person_name, one.relationship),
        *(one.identity_kind, one.identity_number, one.reason, one.comment, one.refusal),
        *(one.signature_key, one.stream_id, one.seq, author.full_name.label("author")),
    )
    return (
        select(*columns)
        .join(Student, and_(Student.school_id == one.school_id, Student.id == one.student_id))
        .join(Course, and_(Course.school_id == Student.school_id, Course.id == Student.course_id))
        .join(author, author.id == one.author_id)
        .where(one.school_id == school_id)
    )
