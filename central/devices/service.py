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


# Every transaction takes the rows in one order, so two consumers cannot wait for each other.
_ADVANCE = text("""
    WITH told AS (
        SELECT d.school_id, d.id AS device_id, t.key, t.seqs, d.gate_id, d.direction, s.timezone
        FROM unnest(CAST(:device_ids AS text[]), CAST(:keys AS text[]),
                    CAST(:seqs AS int8multirange[])) AS t (device_id, key, seqs)
        JOIN devices d ON d.id = t.device_id
        JOIN schools s ON s.id = d.school_id
    ), held AS (
        INSERT INTO streams AS s
            (school_id, device_id, key, received, started_at, last_received_at)
        SELECT school_id, device_id, key, seqs, CAST(:now AS timestamptz), :now
        FROM told ORDER BY school_id, device_id, key
        ON CONFLICT (school_id, device_id, key) DO UPDATE
            SET received = s.received + excluded.received,
                last_received_at = greatest(s.last_received_at, excluded.last_received_at)
        RETURNING school_id, id, device_id, key, received
    )
    SELECT device_id, key, school_id, held.id, gate_id, direction, timezone, received
    FROM held JOIN told USING (school_id, device_id, key)
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
    SET online = n.online, session = n.session, version = n.version, status_at = n.status_at
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
    names = sorted(seqs)
    rows = session.execute(
        _ADVANCE,
        {
            "device_ids": [device_id for device_id, _ in names],
            "keys": [key for _, key in names],
            "seqs": [_multirange(rules.runs(seqs[name])) for name in names],
            "now": now,
        },
    )
    return {
        (row.device_id, row.key): OpenStream(
            row.school_id,
            row.id,
            row.gate_id,
            row.direction,
            ZoneInfo(row.timezone),
            rules.receipt(row.key, [(run.lower, run.upper - 1) for run in row.received]),
        )
        for row in rows
    }


def note_status(session: Session, statuses: Iterable[tuple[str, DeviceStatus]]) -> None:
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
        },
    )
    events.announce(session, ((school_id, events.DEVICES) for (school_id,) in rows))


def _multirange(held: Iterable[rules.Run]) -> str:
    return "{" + ",".join(f"[{first},{last}]" for first, last in held) + "}"
