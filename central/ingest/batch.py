"""One batch of messages in one transaction: taps, what devices say of themselves, and the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from central.attendance.service import Recorded, record_taps
from central.cards.keys import CardKeys
from central.db import enter_schools
from central.devices import quarantine
from central.devices.health_service import note_health
from central.devices.quarantine import Unreadable
from central.devices.queries import schools_of
from central.devices.reply_service import note_answers, note_reports
from central.devices.service import note_status
from central.ingest.reading import Read, Received, read
from contracts import topics

UNKNOWN_DEVICE = "device: unknown or revoked"

Told = TypeVar("Told")


def store(
    session: Session,
    messages: Sequence[Received],
    *,
    now: datetime,
    keys: CardKeys | None = None,
) -> Recorded:
    """Everything that these messages say, in the order in which they came.

    Repeating it changes nothing. Nobody may be told of it before the commit.
    """
    found = read(messages)
    schools = schools_of(session, _senders(found))
    enter_schools(session, schools.values())
    sent = [taps for _, taps in found.taps if taps.device_id in schools]
    anchors = _of_ours(found.anchors, schools)
    recorded = Recorded()
    if sent or anchors:
        recorded = record_taps(session, sent, anchors, now=now, keys=keys)
    note_status(session, _of_ours(found.statuses, schools), now=now)
    note_health(session, _of_ours(found.healths, schools), now=now)
    note_reports(session, _of_ours(found.reports, schools), now=now)
    note_answers(session, _of_ours(found.answers, schools), now=now)
    quarantine.keep(session, list(_unreadable(found, schools)), now=now)
    return recorded


def set_apart(session: Session, message: Received, reason: str, *, now: datetime) -> None:
    """Keep one message in quarantine, whatever it says. Repeating it changes nothing."""
    device_id = sender(message)
    schools = schools_of(session, [device_id] if device_id else [])
    enter_schools(session, schools.values())
    kept = _kept(message, device_id, reason, schools.get(device_id or ""))
    quarantine.keep(session, [kept], now=now)


def sender(message: Received) -> str | None:
    """The device whose topic it is; None for a topic of no device."""
    try:
        return topics.device_of(message.topic)
    except ValueError:
        return None


def _of_ours(
    told: Iterable[tuple[Received, str, Told]], schools: Mapping[str, int]
) -> list[tuple[str, Told]]:
    """What devices say that are known; a revoked one may be of a school that is entered."""
    return [(device_id, news) for _, device_id, news in told if device_id in schools]


def _senders(found: Read) -> set[str]:
    senders = {device_id for _, device_id in found.senders()}
    return senders | {refused.device_id for refused in found.refused if refused.device_id}


def _unreadable(found: Read, schools: Mapping[str, int]) -> Iterator[Unreadable]:
    for refused in found.refused:
        school_id = schools.get(refused.device_id or "")
        yield _kept(refused.message, refused.device_id, refused.reason, school_id)
    for message, device_id in found.senders():
        if device_id not in schools:
            yield _kept(message, device_id, UNKNOWN_DEVICE, None)


def _kept(message: Received, device_id: str | None, reason: str, school: int | None) -> Unreadable:
    return Unreadable(message.topic, message.payload, reason, device_id, school)
