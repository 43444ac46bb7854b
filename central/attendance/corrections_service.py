"""Signed corrections of a day. Each is a row of its own; nothing that was there is overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.attendance import corrections_rules, days, rules
from central.attendance.corrections_queries import is_closed
from central.attendance.corrections_rules import Verdict
from central.attendance.manual_service import MOST_BACK, TASK, check_second_person
from central.attendance.models import DayCorrection, Tap
from central.attendance.service import refresh_days
from central.errors import Conflict, NotFound
from central.people.models import Student
from central.schools.models import School
from central.tasks.service import Decision, NewTask, close_task_about, open_task


@dataclass(frozen=True, slots=True)
class StatusChange:
    """This day of this student was otherwise. ``minutes_late`` belongs to ``late`` alone."""

    student_id: int
    on_date: date
    status: str
    reason: str
    minutes_late: int | None = None


@dataclass(frozen=True, slots=True)
class NamedTap:
    """Which tap does not count, because somebody else had the card, or counts after all."""

    student_id: int
    on_date: date
    stream_id: int
    seq: int
    reason: str


def set_status(
    session: Session, school_id: int, change: StatusChange, author_id: int, *, now: datetime
) -> DayCorrection:
    """Say that a day had another status; on a closed day, propose it to a second person.

    Raises NotFound for a student of another school, Conflict for a date to come or minutes that
    do not fit the status.
    """
    if change.status not in corrections_rules.STATUSES:
        raise Conflict("status_not_correctable")
    if not corrections_rules.minutes_fit(change.status, change.minutes_late):
        raise Conflict("minutes_late_do_not_fit")
    _check_day(session, school_id, change.student_id, change.on_date, now)
    content = {"status": change.status, "minutes_late": change.minutes_late}
    return _correct(session, school_id, "set_status", change, content, author_id, now)


def ignore_tap(
    session: Session, school_id: int, change: NamedTap, author_id: int, *, now: datetime
) -> DayCorrection:
    """Leave a tap out of the day; on a closed day, propose it to a second person.

    Raises NotFound when the student has no such tap on the date, Conflict when it is left out
    already.
    """
    _check_day(session, school_id, change.student_id, change.on_date, now)
    last = _last_about(session, school_id, change)
    if (last.kind == "ignore_tap") if last is not None else _is_doubted(session, school_id, change):
        raise Conflict("tap_left_out_already")
    content = {"stream_id": change.stream_id, "seq": change.seq}
    return _correct(session, school_id, "ignore_tap", change, content, author_id, now)


def restore_tap(
    session: Session, school_id: int, change: NamedTap, author_id: int, *, now: datetime
) -> DayCorrection:
    """Let a tap count that is left out; on a closed day, propose it to a second person.

    It was left out by somebody, or because it may have been a copy of the student's card.

    Raises NotFound when the student has no such tap on the date, Conflict unless it is left out.
    """
    _check_day(session, school_id, change.student_id, change.on_date, now)
    last = _last_about(session, school_id, change)
    if last is None:
        left_out = _is_doubted(session, school_id, change)
    else:
        left_out = last.kind == "ignore_tap" and last.state != "proposed"
    if not left_out:
        raise Conflict("tap_counts_already")
    content = {"stream_id": change.stream_id, "seq": change.seq}
    return _correct(session, school_id, "restore_tap", change, content, author_id, now)


def decide_correction(
    session: Session, school_id: int, correction_id: int, verdict: Verdict, *, now: datetime
) -> DayCorrection:
    """Approve or reject what a colleague proposed for a closed day.

    Raises NotFound, Conflict when it is decided already, NotAllowed for its own author.
    """
    correction = session.scalars(
        select(DayCorrection)
        .where(DayCorrection.school_id == school_id, DayCorrection.id == correction_id)
        .with_for_update()
    ).one_or_none()
    if correction is None:
        raise NotFound("no such correction")
    check_second_person(correction.state, correction.author_id, verdict.by)
    correction.state, correction.decided_by = verdict.state, verdict.by
    correction.decided_at, correction.decision_note = now, verdict.note
    session.flush()
    decision = Decision(corrections_rules.TASK_ENDS[verdict.state], verdict.by, verdict.note)
    close_task_about(session, school_id, _task(correction), decision, now=now)
    _refresh(session, correction)
    _note(session, correction, verdict.by, f"day_correction_{verdict.state}")
    return correction


def _correct(  # noqa: PLR0913  (the parts of one row, together here alone)
    session: Session,
    school_id: int,
    kind: str,
    change: StatusChange | NamedTap,
    content: dict[str, Any],
    author_id: int,
    now: datetime,
) -> DayCorrection:
    closed = is_closed(session, school_id, change.on_date)
    correction = DayCorrection(
        school_id=school_id,
        student_id=change.student_id,
        on_date=change.on_date,
        kind=kind,
        reason=change.reason,
        author_id=author_id,
        created_at=now,
        state="proposed" if closed else "applied",
        **content,
    )
    session.add(correction)
    session.flush()
    if closed:
        open_task(session, school_id, _task(correction), now=now)
    else:
        _refresh(session, correction)
    _note(session, correction, author_id, f"day_correction_{correction.state}")
    return correction


def _check_day(
    session: Session, school_id: int, student_id: int, on_date: date, now: datetime
) -> None:
    known = select(Student.id).where(Student.school_id == school_id, Student.id == student_id)
    if session.scalar(known) is None:
        raise NotFound("no such student")
    zone = session.scalars(select(School.timezone).where(School.id == school_id)).one()
    today = rules.local_date(now, ZoneInfo(zone))
    if not today - MOST_BACK <= on_date <= today:
        raise Conflict("day_out_of_range")
    # whoever closes the day waits until this is committed, or this until the day is closed
    days.lock_students(session, {(school_id, student_id)})


def _last_about(session: Session, school_id: int, change: NamedTap) -> DayCorrection | None:
    """The last word about a tap that was not rejected. Raises NotFound for a tap of others."""
    tap = select(Tap.id).where(
        Tap.school_id == school_id,
        Tap.stream_id == change.stream_id,
        Tap.seq == change.seq,
        Tap.student_id == change.student_id,
        Tap.on_date == change.on_date,
    )
    if session.scalar(tap) is None:
        raise NotFound("no such tap")
    about = select(DayCorrection).where(
        DayCorrection.school_id == school_id,
        DayCorrection.student_id == change.student_id,
        DayCorrection.stream_id == change.stream_id,
        DayCorrection.seq == change.seq,
        DayCorrection.state != "rejected",
    )
    return session.scalars(about.order_by(DayCorrection.id.desc()).limit(1)).one_or_none()


def _is_doubted(session: Session, school_id: int, change: NamedTap) -> bool:
    doubt = select(Tap.doubt).where(
        Tap.school_id == school_id, Tap.stream_id == change.stream_id, Tap.seq == change.seq
    )
    return session.scalar(doubt) is not None


def _refresh(session: Session, correction: DayCorrection) -> None:
    on_date = correction.on_date
    refresh_days(session, correction.school_id, [correction.student_id], on_date, on_date)


def _task(correction: DayCorrection) -> NewTask:
    return NewTask(TASK, correction.on_date, {"correction": correction.id})


def _note(session: Session, correction: DayCorrection, actor_id: int, action: str) -> None:
    detail = {"correction": correction.id, "on_date": correction.on_date.isoformat()}
    subject = f"student:{correction.student_id}"
    record(session, correction.school_id, actor_id, action, subject, detail)
