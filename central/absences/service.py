"""Asking for absences, deciding about them, taking decisions back. Days follow at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.absences import rules
from central.absences.models import AbsenceEvent, AbsenceRequest
from central.accounts.service import record
from central.attendance.service import refresh_days
from central.errors import Conflict, NotFound
from central.media.document_service import KeptDocument
from central.people.models import Student, StudentGuardian
from central.schools.models import School
from central.tasks.service import Decision, NewTask, close_task_about, open_task


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be excused: a student, dates (both included), the kind and why.

    ``comes_at`` belongs to ``late`` alone: when the student comes, on the wall clock of the school.
    """

    student_id: int
    from_on: date
    until_on: date
    kind: str
    reason: str
    comment: str = ""
    comes_at: time | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: a member of staff, or a guardian."""

    user_id: int | None = None
    guardian_id: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody does with a request: ``approve``, ``reject``, ``withdraw`` or ``reopen``."""

    action: str
    by: int
    note: str | None = None


def request_absence(
    session: Session,
    school_id: int,
    asked: Asked,
    user_id: int,
    *,
    now: datetime,
    document: KeptDocument | None = None,
) -> AbsenceRequest:
    """Ask, as a member of staff, that a student be excused. It waits for a decision.

    Raises NotFound for a student of another school, Conflict for dates that cannot be meant, for
    a time that does not fit the kind, and for what was asked already.
    """
    return _request(session, school_id, asked, Person(user_id=user_id), document, now)


def request_absence_as_guardian(
    session: Session,
    school_id: int,
    asked: Asked,
    guardian_id: int,
    *,
    now: datetime,
    document: KeptDocument | None = None,
) -> AbsenceRequest:
    """Ask as one of the student's guardians who may see them; else as ``request_absence``."""
    link = session.get(StudentGuardian, (school_id, asked.student_id, guardian_id))
    if link is None or not link.may_see:
        raise NotFound("no such student")
    return _request(session, school_id, asked, Person(guardian_id=guardian_id), document, now)


def take_step(
    session: Session, school_id: int, request_id: int, step: Step, *, now: datetime
) -> AbsenceRequest:
    """Decide about a request or take a decision back; the days it touches follow at once.

    Raises NotFound, and Conflict when the request is not in a state for it any more.
    """
    request = session.scalars(
        select(AbsenceRequest)
        .where(AbsenceRequest.school_id == school_id, AbsenceRequest.id == request_id)
        .with_for_update()
    ).one_or_none()
    if request is None:
        raise NotFound("no such absence")
    status = rules.after(request.status, step.action)
    if status is None:
        raise Conflict("already_decided")
    counted = "approved" in (request.status, status)
    _decide(request, status, step, now)
    session.flush()
    _remember(session, request, _ACTIONS[step.action], Person(user_id=step.by), step.note, now)
    _keep_task(session, request, step, now)
    if counted:
        refresh_days(session, school_id, [request.student_id], request.from_on, request.until_on)
    detail = {"absence": request.id}
    action = f"absence_{_ACTIONS[step.action]}"
    record(session, school_id, step.by, action, f"student:{request.student_id}", detail)
    return request


_ACTIONS = {
    rules.APPROVE: "approved",
    rules.REJECT: "rejected",
    rules.WITHDRAW: "withdrawn",
    rules.REOPEN: "reopened",
}


def _request(
    session: Session,
    school_id: int,
    asked: Asked,
    person: Person,
    document: KeptDocument | None,
    now: datetime,
) -> AbsenceRequest:
    _check(session, school_id, asked, now)
    request = AbsenceRequest(
        school_id=school_id,
        student_id=asked.student_id,
        from_on=asked.from_on,
        until_on=asked.until_on,
        kind=asked.kind,
        comes_at=asked.comes_at,
        reason=asked.reason,
        comment=asked.comment,
        requested_by_user=person.user_id,
        requested_by_guardian=person.guardian_id,
        status="pending",
        created_at=now,
    )
    if document is not None:
        request.document_key, request.document_name = document.key, document.name
        request.document_type, request.document_bytes = document.kind, document.size
    session.add(request)
    session.flush()
    _remember(session, request, "requested", person, None, now)
    open_task(session, school_id, _task(request), now=now)
    detail = {"absence": request.id}
    subject = f"student:{asked.student_id}"
    record(session, school_id, person.user_id, "absence_requested", subject, detail)
    return request


def _check(session: Session, school_id: int, asked: Asked, now: datetime) -> None:
    # the row is locked, so that a form sent twice at once finds the first one
    student = session.scalar(
        select(Student.id)
        .where(Student.school_id == school_id, Student.id == asked.student_id)
        .with_for_update(key_share=True)
    )
    if student is None:
        raise NotFound("no such student")
    if asked.reason not in rules.REASONS:
        raise Conflict("reason_unknown")
    if not rules.time_fits(asked.kind, asked.comes_at):
        raise Conflict("time_does_not_fit")
    zone = session.scalars(select(School.timezone).where(School.id == school_id)).one()
    if not rules.dates_fit(asked.from_on, asked.until_on, now.astimezone(ZoneInfo(zone)).date()):
        raise Conflict("dates_do_not_fit")
    same = select(AbsenceRequest.id).where(
        AbsenceRequest.school_id == school_id,
        AbsenceRequest.student_id == asked.student_id,
        AbsenceRequest.from_on == asked.from_on,
        AbsenceRequest.until_on == asked.until_on,
        AbsenceRequest.kind == asked.kind,
        AbsenceRequest.status.in_(("pending", "approved")),
    )
    if session.scalar(same.limit(1)) is not None:
        raise Conflict("asked_already")


def _decide(request: AbsenceRequest, status: str, step: Step, now: datetime) -> None:
    request.status = status
    if status == "pending":
        request.decided_by = request.decided_at = request.decision_note = None
    else:
        request.decided_by, request.decided_at = step.by, now
        request.decision_note = step.note


def _remember(
    session: Session,
    request: AbsenceRequest,
    action: str,
    person: Person,
    note: str | None,
    now: datetime,
) -> None:
    session.add(
        AbsenceEvent(
            school_id=request.school_id,
            request_id=request.id,
            action=action,
            user_id=person.user_id,
            guardian_id=person.guardian_id,
            note=note,
            at=now,
        )
    )
    session.flush()


def _keep_task(session: Session, request: AbsenceRequest, step: Step, now: datetime) -> None:
    if request.status == "pending":
        open_task(session, request.school_id, _task(request), now=now)
    else:
        decision = Decision(rules.TASK_ENDS[request.status], step.by, step.note)
        close_task_about(session, request.school_id, _task(request), decision, now=now)


def _task(request: AbsenceRequest) -> NewTask:
    return NewTask("absence_request", request.from_on, {"absence_request": request.id})
