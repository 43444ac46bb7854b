"""What changes an evacuation: starting it, marking students, assigning staff, ending it.

Every change is in the audit log, in the same transaction, and is announced to the phones that
have the list open.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, insert, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.attendance.models import AttendanceDay
from central.errors import Conflict, NotFound
from central.evacuation.models import (
    Evacuation,
    EvacuationMark,
    EvacuationPerson,
    EvacuationStaff,
)
from central.evacuation.rules import made_at, may_still_mark
from central.events import EVACUATIONS, announce
from central.people.models import Student


@dataclass(frozen=True, slots=True)
class SentMark:
    """One mark as a phone sends it; ``age`` is how long ago it was made."""

    key: UUID
    student_id: int
    state: str
    age: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of sent marks, by key. A phone forgets both: neither will ever be taken again."""

    kept: Sequence[UUID]
    refused: Sequence[UUID]  # of a student who is not on the list, or made after the end


def start(
    session: Session, school_id: int, kind: str, user_id: int, on_date: date, *, now: datetime
) -> int:
    """Begin with everybody who is inside. Returns its id; raises Conflict while one is running."""
    evacuation = Evacuation(school_id=school_id, kind=kind, started_by=user_id, started_at=now)
    try:
        with session.begin_nested():
            session.add(evacuation)
            session.flush()
    except IntegrityError as error:
        raise Conflict("an evacuation is running") from error
    own_student = and_(
        Student.school_id == AttendanceDay.school_id, Student.id == AttendanceDay.student_id
    )
    session.execute(
        insert(EvacuationPerson).from_select(
            ["school_id", "evacuation_id", "student_id", "course_id", "sure"],
            select(
                literal(school_id),
                literal(evacuation.id),
                *(Student.id, Student.course_id, AttendanceDay.confidence == "sure"),
            )
            .join(Student, own_student)
            .where(
                AttendanceDay.school_id == school_id,
                AttendanceDay.on_date == on_date,
                AttendanceDay.inside,
            ),
        )
    )
    _tell(session, school_id, evacuation.id, user_id, "evacuation_started", kind=kind)
    return evacuation.id


def mark(
    session: Session,
    school_id: int,
    evacuation_id: int,
    marks: Sequence[SentMark],
    user_id: int,
    *,
    now: datetime,
) -> Taken:
    """Keep marks; those already kept are kept once. Marks made before the end may come after it.

    The marks themselves say who marked whom and when, so the audit log does not repeat them.
    """
    evacuation = _locked(session, school_id, evacuation_id)
    listed = _listed(session, evacuation, {sent.student_id for sent in marks})
    kept, refused = [], []
    for sent in marks:
        at = made_at(sent.age, evacuation.started_at, now)
        if sent.student_id in listed and may_still_mark(at, evacuation.ended_at):
            kept.append((sent, at))
        else:
            refused.append(sent.key)
    if kept:
        values = [
            {
                "school_id": school_id,
                "evacuation_id": evacuation_id,
                "student_id": sent.student_id,
                "key": sent.key,
                "state": sent.state,
                "marked_by": user_id,
                "made_at": at,
            }
            for sent, at in kept
        ]
        session.execute(upsert(EvacuationMark).values(values).on_conflict_do_nothing())
        announce(session, [(school_id, EVACUATIONS)])
    return Taken([sent.key for sent, _ in kept], refused)


def _listed(session: Session, evacuation: Evacuation, wanted: Collection[int]) -> set[int]:
    """Which of these students are on the list."""
    return set(
        session.scalars(
            select(EvacuationPerson.student_id).where(
                EvacuationPerson.school_id == evacuation.school_id,
                EvacuationPerson.evacuation_id == evacuation.id,
                EvacuationPerson.student_id.in_(wanted),
            )
        )
    )


def add_student(
    session: Session, school_id: int, evacuation_id: int, student_id: int, user_id: int
) -> None:
    """Put a student on the list whom the gates had not seen. Repeating changes nothing.

    Raises NotFound, and Conflict after the end.
    """
    if _locked(session, school_id, evacuation_id).ended_at is not None:
        raise Conflict("the evacuation has ended")
    course_id = session.scalar(
        select(Student.course_id).where(Student.school_id == school_id, Student.id == student_id)
    )
    if course_id is None:
        raise NotFound("no such student")
    session.execute(
        upsert(EvacuationPerson)
        .values(
            school_id=school_id,
            evacuation_id=evacuation_id,
            student_id=student_id,
            course_id=course_id,
            sure=True,
            added_by=user_id,
        )
        .on_conflict_do_nothing()
    )
    _tell(
        session, school_id, evacuation_id, user_id, "evacuation_student_added", student=student_id
    )


def assign(
    session: Session,
    school_id: int,
    evacuation_id: int,
    course_id: int,
    staff_id: int | None,
    user_id: int,
) -> None:
    """Give a course to somebody, or with None to nobody. Raises NotFound, and Conflict at the end.

    The caller has made sure that ``staff_id`` is one of the school's staff.
    """
    if _locked(session, school_id, evacuation_id).ended_at is not None:
        raise Conflict("the evacuation has ended")
    if staff_id is None:
        session.execute(
            delete(EvacuationStaff).where(
                EvacuationStaff.school_id == school_id,
                EvacuationStaff.evacuation_id == evacuation_id,
                EvacuationStaff.course_id == course_id,
            )
        )
    else:
        given = {"user_id": staff_id, "assigned_by": user_id}
        statement = upsert(EvacuationStaff).values(
            school_id=school_id, evacuation_id=evacuation_id, course_id=course_id, **given
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["school_id", "evacuation_id", "course_id"], set_=given
            )
        )
    detail = {"course": course_id, "staff": staff_id}
    _tell(session, school_id, evacuation_id, user_id, "evacuation_staff_assigned", **detail)


def end(
    session: Session,
    school_id: int,
    evacuation_id: int,
    user_id: int,
    note: str,
    *,
    now: datetime,
) -> None:
    """Close the list. Raises NotFound, and Conflict if somebody has ended it already."""
    evacuation = _locked(session, school_id, evacuation_id)
    if evacuation.ended_at is not None:
        raise Conflict("the evacuation has ended")
    evacuation.ended_at, evacuation.ended_by, evacuation.note = now, user_id, note
    session.flush()
    _tell(session, school_id, evacuation_id, user_id, "evacuation_ended")


def record_phones_seen(
    session: Session, school_id: int, user_id: int, where: str, students: int
) -> None:
    """Note that somebody looked at the telephone numbers of so many students' guardians."""
    record(session, school_id, user_id, "saw_phones", where, {"students": students})


def _locked(session: Session, school_id: int, evacuation_id: int) -> Evacuation:
    """The row, held until the commit, so that no mark slips in while somebody ends it."""
    found = session.scalars(
        select(Evacuation)
        .where(Evacuation.school_id == school_id, Evacuation.id == evacuation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound("no such evacuation")
    return found


def _tell(
    session: Session,
    school_id: int,
    evacuation_id: int,
    user_id: int,
    action: str,
    **detail: object,
) -> None:
    record(session, school_id, user_id, action, f"evacuation:{evacuation_id}", detail)
    announce(session, [(school_id, EVACUATIONS)])
