"""Passages that staff make: the forgotten card, the child who left by another door.

They are taps like all others, of a stream that belongs to the school's staff desk, so nothing else
needs to know of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.attendance import corrections_rules, days, rules
from central.attendance.corrections_queries import is_closed
from central.attendance.corrections_rules import APPROVED, Verdict
from central.attendance.manual_models import ManualEntry
from central.attendance.service import SentTaps, record_taps
from central.attendance.staging import Said
from central.errors import Conflict, NotAllowed, NotFound
from central.people.models import Student
from central.schools.models import School
from central.tasks.service import Decision, NewTask, close_task_about, open_task
from contracts.messages import Card, TapBatch, TapRead

STREAM_KEY: Final = "staff"
DESK: Final = "Inspectoría"  # the place that families read in a message
TASK: Final = "correction_approval"
MOST_BACK: Final = timedelta(days=400)  # a school year and its summer: older is a mistyped date
CLOCKS_DIFFER: Final = timedelta(minutes=2)  # the desk's clock may go a little before ours

_DESK = text("""
    INSERT INTO gates (school_id, name) VALUES (:school_id, :desk)
    ON CONFLICT (school_id, name) DO NOTHING
""")
_DEVICE = text("""
    INSERT INTO devices (school_id, id, gate_id, kind)
    SELECT school_id, :device_id, id, 'staff' FROM gates
    WHERE school_id = :school_id AND name = :desk
    ON CONFLICT DO NOTHING
""")
_KNOWN = text("SELECT FROM devices WHERE school_id = :school_id AND id = :device_id")
# The row stays locked until the commit, so no two taps get one number.
_NEXT_SEQ = text("""
    INSERT INTO streams AS s (school_id, device_id, key, started_at, last_received_at)
    VALUES (:school_id, :device_id, :key, :now, :now)
    ON CONFLICT (school_id, device_id, key)
        DO UPDATE SET last_received_at = greatest(s.last_received_at, excluded.last_received_at)
    RETURNING s.id, coalesce(upper(s.received), 1) AS seq
""")


@dataclass(frozen=True, slots=True)
class Passage:
    """What a member of staff says: this student went ``in`` or ``out`` at that time, and why so.

    ``request_key`` is minted with the form; sending it again changes nothing.
    """

    request_key: UUID
    student_id: int
    direction: str
    at: datetime
    reason: str


def record_manual(
    session: Session, school_id: int, passage: Passage, author_id: int, *, now: datetime
) -> ManualEntry:
    """Enter a passage at its true time; on a closed day, propose it to a second person.

    Guardians are told as of any tap: of one made now, and not of one in the past. Raises NotFound
    for a student of another school, Conflict for a time that cannot be meant.
    """
    zone = _zone(session, school_id)
    _student(session, school_id, passage.student_id)
    if not now - MOST_BACK <= passage.at <= now + CLOCKS_DIFFER:
        raise Conflict("time_out_of_range")
    days.lock_students(session, {(school_id, passage.student_id)})
    sent_before = _sent_before(session, school_id, passage.request_key)
    if sent_before is not None:
        return sent_before
    entry = ManualEntry(
        school_id=school_id,
        request_key=passage.request_key,
        student_id=passage.student_id,
        on_date=rules.local_date(passage.at, zone),
        direction=passage.direction,
        at=min(passage.at, now),
        reason=passage.reason,
        author_id=author_id,
        created_at=now,
        state="applied",
    )
    if is_closed(session, school_id, entry.on_date):
        entry.state = "proposed"
    else:
        _apply(session, entry, now=now)
    session.add(entry)
    session.flush()
    if entry.state == "proposed":
        open_task(session, school_id, _task(entry), now=now)
    _note(session, entry, author_id, f"manual_entry_{entry.state}")
    return entry


def decide_manual(
    session: Session, school_id: int, entry_id: int, verdict: Verdict, *, now: datetime
) -> ManualEntry:
    """Approve or reject what a colleague proposed for a closed day.

    Raises NotFound, Conflict when it is decided already, NotAllowed for its own author.
    """
    entry = session.scalars(
        select(ManualEntry)
        .where(ManualEntry.school_id == school_id, ManualEntry.id == entry_id)
        .with_for_update()
    ).one_or_none()
    if entry is None:
        raise NotFound("no such entry")
    check_second_person(entry.state, entry.author_id, verdict.by)
    if verdict.state == APPROVED:
        _apply(session, entry, now=now)
    entry.state, entry.decided_by, entry.decided_at = verdict.state, verdict.by, now
    entry.decision_note = verdict.note
    session.flush()
    decision = Decision(corrections_rules.TASK_ENDS[verdict.state], verdict.by, verdict.note)
    close_task_about(session, school_id, _task(entry), decision, now=now)
    _note(session, entry, verdict.by, f"manual_entry_{verdict.state}")
    return entry


def check_second_person(state: str, author_id: int, by: int) -> None:
    """Raises Conflict or NotAllowed unless ``by`` may decide about a proposal in this state."""
    if state != "proposed":
        raise Conflict("already_decided")
    if author_id == by:
        raise NotAllowed("second_person")


def add_staff_tap(
    session: Session,
    school_id: int,
    said: Said,
    at: datetime,
    *,
    now: datetime,
    reader: str = STREAM_KEY,
) -> tuple[int, int]:
    """Record a passage as a tap of the staff desk; its stream and number.

    Makes the desk when the school has none yet. ``reader`` says what at the desk made it.
    """
    device_id = _staff_device(session, school_id)
    stream = session.execute(
        _NEXT_SEQ,
        {"school_id": school_id, "device_id": device_id, "key": STREAM_KEY, "now": now},
    ).one()
    tap = TapRead(
        seq=stream.seq,
        at=at,
        clock="synced",  # a person answers for the time
        boot=STREAM_KEY,
        up_ms=0,
        reader=reader,
        card=Card("staff", "00" * 16),
        verdict="accepted",
    )
    sent = SentTaps(device_id, TapBatch(STREAM_KEY, (tap,)), {stream.seq: said})
    record_taps(session, [sent], now=now)
    return stream.id, stream.seq


def _apply(session: Session, entry: ManualEntry, *, now: datetime) -> None:
    said = Said(entry.student_id, entry.direction)
    entry.stream_id, entry.seq = add_staff_tap(session, entry.school_id, said, entry.at, now=now)


def _staff_device(session: Session, school_id: int) -> str:
    slug = session.scalars(select(School.slug).where(School.id == school_id)).one()
    device_id = corrections_rules.staff_device_id(slug, school_id)
    known = {"school_id": school_id, "device_id": device_id}
    if session.execute(_KNOWN, known).first() is None:
        session.execute(_DESK, {"school_id": school_id, "desk": DESK})
        session.execute(_DEVICE, {**known, "desk": DESK})
    return device_id


def _sent_before(session: Session, school_id: int, request_key: UUID) -> ManualEntry | None:
    return session.scalars(
        select(ManualEntry).where(
            ManualEntry.school_id == school_id, ManualEntry.request_key == request_key
        )
    ).one_or_none()


def _student(session: Session, school_id: int, student_id: int) -> None:
    known = select(Student.id).where(Student.school_id == school_id, Student.id == student_id)
    if session.scalar(known) is None:
        raise NotFound("no such student")


def _zone(session: Session, school_id: int) -> ZoneInfo:
    return ZoneInfo(session.scalars(select(School.timezone).where(School.id == school_id)).one())


def _task(entry: ManualEntry) -> NewTask:
    return NewTask(TASK, entry.on_date, {"manual_entry": entry.id})


def _note(session: Session, entry: ManualEntry, actor_id: int, action: str) -> None:
    detail = {"manual_entry": entry.id, "on_date": entry.on_date.isoformat()}
    record(session, entry.school_id, actor_id, action, f"student:{entry.student_id}", detail)
