"""The one way in for taps, whoever sends them: gates, web kiosks, the staff desk, imports.

And the way to have days concluded anew when another fact about them has changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from central import events
from central.attendance import (
    clock_repair,
    days,
    late_arrivals,
    notices,
    rules,
    secure_cards,
    staging,
)
from central.attendance.clock_repair import Boot
from central.attendance.facts import Day
from central.attendance.staging import NewTap, Said, StagedTap
from central.cards.keys import CardKeys
from central.devices import quarantine
from central.devices.anchor_service import note_anchors
from central.devices.quarantine import Unreadable
from central.devices.service import OpenStream, StreamName, advance_streams
from central.errors import NotFound
from central.schools.models import School
from contracts import topics
from contracts.messages import Anchor, Receipt, TapBatch


@dataclass(frozen=True, slots=True)
class SentTaps:
    """Taps and who sent them. The sender is known from the connection, not from the message.

    ``said`` holds, by seq, what staff say of taps that no card made.
    """

    device_id: str
    batch: TapBatch
    said: Mapping[int, Said] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of a call: receipts by device, one a stream, to be sent after the commit."""

    receipts: tuple[tuple[str, Receipt], ...] = ()
    taps: int = 0  # not here before
    notifications: int = 0  # queued


def record_taps(
    session: Session,
    sent: Sequence[SentTaps],
    anchors: Sequence[tuple[str, Anchor]] = (),
    *,
    now: datetime,
    keys: CardKeys | None = None,
) -> Recorded:
    """Store the taps not seen before, recompute the days they touch, queue what they cause.

    ``anchors`` are (device id, where a boot's clock zero lies): they give taps of an unsynced
    clock their time, those of this call as well as those that are here or will come. ``keys``
    prove what secure cards say; without them such a card names nobody.

    Repeating a call changes nothing, so a sender may resend until it holds a receipt. The number
    of statements does not depend on the number of taps or schools; a batch should have a few
    thousand taps at most, for it locks each of their students until the commit. The session must
    have entered the schools of all senders; raises NotFound for a device that it cannot see.
    """
    boots = _boots_of_unsure_time(sent) | {(device, anchor.boot) for device, anchor in anchors}
    clock_repair.lock(session, boots)
    note_anchors(session, anchors)
    streams = advance_streams(session, _sequence_numbers(sent), now=now) if sent else {}
    staged = secure_cards.proven(session, _staged(sent, streams), keys)
    stored = staging.insert_new(session, staged, now=now) if staged else []
    reused = staging.sent_with_other_content(session, staged) if len(stored) < len(staged) else []
    quarantine.keep(session, [*_refused(sent, streams), *_reused(reused)], now=now)
    repaired = clock_repair.derive(session, boots)
    fresh = clock_repair.as_stored(stored, repaired)
    touched = clock_repair.days_of([*fresh, *repaired.moved]) | repaired.left
    touched |= secure_cards.settle(session, stored, staged, repaired.moved, now=now)
    zones = {stream.school_id: stream.zone for stream in streams.values()}
    zones = clock_repair.with_zones(session, zones, touched)
    concluded = days.recompute(session, touched, zones)
    told = late_arrivals.settle(session, touched, _entered_afterwards(staged, now), now=now)
    told += notices.queue(session, concluded, _to_tell(fresh, staged), now=now)
    events.announce(session, _events(fresh, told))
    receipts = tuple((device_id, stream.receipt) for (device_id, _), stream in streams.items())
    return Recorded(receipts, len(stored), len(told))


def refresh_days(
    session: Session, school_id: int, student_ids: Collection[int], from_on: date, until_on: date
) -> int:
    """Conclude these students' days anew, after a fact about them other than a tap has changed.

    Call it in the transaction that changes the fact. Both dates are included. Repeating changes
    nothing. The session must have entered the school. Returns how many days are other than before.
    """
    days.lock_students(session, {(school_id, student_id) for student_id in student_ids})
    touched = days.touched_of_students(session, school_id, student_ids, from_on, until_on)
    return _conclude(session, school_id, touched)


def refresh_school_days(session: Session, school_id: int, from_on: date, until_on: date) -> int:
    """Conclude everybody's days anew, after a fact about the whole school has changed.

    Call it in the transaction that changes the fact, such as the calendar or a closing. Both dates
    are included. Repeating changes nothing. Returns how many days are other than before.
    """
    days.lock_school(session, school_id)
    touched = days.touched_in_school(session, school_id, from_on, until_on)
    return _conclude(session, school_id, touched)


def refresh_course_days(
    session: Session, school_id: int, course_ids: Collection[int], from_on: date, until_on: date
) -> int:
    """``refresh_school_days`` after a fact about some courses, for their students alone."""
    days.lock_school(session, school_id)
    students = days.students_of(session, school_id, course_ids, from_on, until_on)
    touched = days.touched_of_students(session, school_id, students, from_on, until_on)
    return _conclude(session, school_id, touched)


def refresh_known_days(session: Session, school_id: int, known: Collection[Day]) -> int:
    """Conclude these days of a school anew; returns how many are other than before.

    For a caller that holds the school's lock, and has looked which days its change can touch.
    """
    return _conclude(session, school_id, known)


def _conclude(session: Session, school_id: int, touched: Collection[Day]) -> int:
    zone = session.scalars(select(School.timezone).where(School.id == school_id)).one()
    changed = days.conclude(session, touched, {school_id: ZoneInfo(zone)}).changed
    if changed:
        events.announce(session, [(school_id, events.TAPS)])
    return changed


def _boots_of_unsure_time(sent: Sequence[SentTaps]) -> set[Boot]:
    return {
        (one.device_id, tap.boot) for one in sent for tap in one.batch.taps if tap.clock != "synced"
    }


def _sequence_numbers(sent: Sequence[SentTaps]) -> dict[StreamName, list[int]]:
    """What each stream delivers. A tap that cannot be read has arrived all the same."""
    seqs: dict[StreamName, list[int]] = {}
    for one in sent:
        received = seqs.setdefault((one.device_id, one.batch.stream), [])
        received += [tap.seq for tap in one.batch.taps]
        received += [refused.seq for refused in one.batch.refused if refused.seq is not None]
    return seqs


def _staged(sent: Sequence[SentTaps], streams: dict[StreamName, OpenStream]) -> list[StagedTap]:
    staged = []
    for one in sent:
        stream = streams.get((one.device_id, one.batch.stream))
        if stream is None:
            raise NotFound(f"device {one.device_id}")
        staged += [
            StagedTap(one.device_id, stream, tap, one.said.get(tap.seq)) for tap in one.batch.taps
        ]
    return staged


def _entered_afterwards(staged: Sequence[StagedTap], now: datetime) -> set[Day]:
    """The earlier days about which staff say something now: weeks later it is no news at home."""
    found = set()
    for one in staged:
        if one.said is None:
            continue
        on_date = rules.local_date(one.tap.at, one.stream.zone)
        if on_date < rules.local_date(now, one.stream.zone):
            found.add((one.stream.school_id, one.said.student_id, on_date))
    return found


def _to_tell(fresh: Sequence[NewTap], staged: Sequence[StagedTap]) -> Sequence[NewTap]:
    quiet = {(one.stream.id, one.tap.seq) for one in staged if one.said and one.said.told_otherwise}
    return [tap for tap in fresh if (tap.stream_id, tap.seq) not in quiet] if quiet else fresh


def _refused(
    sent: Sequence[SentTaps], streams: dict[StreamName, OpenStream]
) -> Iterator[Unreadable]:
    for one in sent:
        school_id = streams[one.device_id, one.batch.stream].school_id
        for refused in one.batch.refused:
            content = {"stream": one.batch.stream, "taps": [refused.raw]}
            yield _unreadable(one.device_id, school_id, content, refused.reason)


def _reused(taps: Sequence[StagedTap]) -> Iterator[Unreadable]:
    for one in taps:
        content = {"stream": one.stream.receipt.stream, "taps": [one.tap.wire()]}
        reason = "seq reused with other content"
        yield _unreadable(one.device_id, one.stream.school_id, content, reason)


def _unreadable(device_id: str, school_id: int, content: object, reason: str) -> Unreadable:
    # ASCII: a string that a stranger escaped need not be text that UTF-8 can hold
    payload = json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode()
    return Unreadable(topics.taps(device_id), payload, reason, device_id, school_id)


def _events(fresh: Sequence[NewTap], told: Sequence[int]) -> Iterator[tuple[int, str]]:
    for tap in fresh:
        yield tap.school_id, events.TAPS
    for school_id in told:
        yield school_id, events.NOTIFICATIONS
