"""What devices tell about themselves, and the exact account of what they sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from central import events
from central.devices import rules
from contracts.messages import DeviceStatus, Receipt

StreamName = tuple[str, str]  # device id, and the key that the device gave its stream


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A stream of taps with what its taps inherit from the device, and its receipt."""

    school_id: int
    id: int
    gate_id: int
    direction: str
    zone: ZoneInfo
    receipt: Receipt


_SENDERS = text("""
    SELECT d.id, d.school_id, d.gate_id, d.direction, s.timezone
    FROM unnest(CAST(:device_ids AS text[])) AS t (device_id)
    JOIN devices d ON d.id = t.device_id
    JOIN schools s ON s.id = d.school_id
""")

# Every transaction takes the rows in one order, so two consumers cannot wait for each other.
_ADVANCE = text("""
    INSERT INTO streams AS s (school_id, device_id, key, received, started_at, last_received_at)
    SELECT t.*, CAST(:now AS timestamptz), :now
    FROM unnest(CAST(:school_ids AS bigint[]), CAST(:device_ids AS text[]),
                CAST(:keys AS text[]), CAST(:seqs AS int8multirange[]))
        AS t (school_id, device_id, key, seqs)
    ORDER BY school_id, device_id, key
    ON CONFLICT (school_id, device_id, key) DO UPDATE
        SET received = s.received + excluded.received,
            last_received_at = greatest(s.last_received_at, excluded.last_received_at)
    RETURNING device_id, key, id, received
""")

_STATUS = text("""
    WITH news AS (
        SELECT d.school_id, d.id, n.online, n.session, n.version, n.status_at
        FROM unnest(CAST(:device_ids AS text[]), CAST(:online AS boolean[]),
                    CAST(:sessions AS bigint[]), CAST(:versions AS text[]),
                    CAST(:times AS timestamptz[]))
             AS n (device_id, online, session, version, status_at)
        JOIN devices d ON d.id = n.device_id
        WHERE d.status_at IS NULL OR (n.session, NOT n.online) > (d.session, NOT d.online)
        ORDER BY d.id FOR NO KEY UPDATE OF d
    )
    UPDATE devices d
    SET online = n.online, session = n.session, version = n.version, status_at = n.status_at,
        status_received_at = :now
    FROM news n WHERE d.school_id = n.school_id AND d.id = n.id
    RETURNING d.school_id
""")


def advance_streams(
    session: Session, seqs: Mapping[StreamName, Iterable[int]], *, now: datetime
) -> dict[StreamName, OpenStream]:
    """Enter these sequence numbers as received; a stream that is new begins here.

    Repeating it changes nothing but the time of last receipt. Streams of devices that this
    transaction may not see are missing from the answer.
    """
    devices = {device_id for device_id, _ in seqs}
    senders = {row.id: row for row in session.execute(_SENDERS, {"device_ids": sorted(devices)})}
    names = [name for name in seqs if name[0] in senders]
    rows = session.execute(
        _ADVANCE,
        {
            "school_ids": [senders[device_id].school_id for device_id, _ in names],
            "device_ids": [device_id for device_id, _ in names],
            "keys": [key for _, key in names],
            "seqs": [_multirange(rules.runs(seqs[name])) for name in names],
            "now": now,
        },
    )
    streams = {}
    for device_id, key, stream_id, received in rows:
        sender = senders[device_id]
        held = [(run.lower, run.upper - 1) for run in received]
        streams[device_id, key] = OpenStream(
            sender.school_id,
            stream_id,
            sender.gate_id,
            sender.direction,
            ZoneInfo(sender.timezone),
            rules.receipt(key, held),
        )
    return streams


def note_status(
    session: Session, statuses: Iterable[tuple[str, DeviceStatus]], *, now: datetime
) -> None:
    """Keep the latest status of each device; what an older connection said is ignored."""
    latest: dict[str, DeviceStatus] = {}
    for device_id, status in statuses:
        if device_id not in latest or rules.supersedes(status, latest[device_id]):
            latest[device_id] = status
    if not latest:
        return
    rows = session.execute(
        _STATUS,
        {
            "device_ids": list(latest),
            "online": [status.online for status in latest.values()],
            "sessions": [status.session for status in latest.values()],
            "versions": [status.version for status in latest.values()],
            "times": [status.at for status in latest.values()],
            "now": now,
        },
    )
    events.announce(session, ((school_id, events.DEVICES) for (school_id,) in rows))


def _multirange(held: Iterable[rules.Run]) -> str:
    return "{" + ",".join(f"[{first},{last}]" for first, last in held) + "}"
