"""Keeping what could not be read: once each, with the reason, for a person to look at."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

KEPT_BYTES = 64 * 1024  # of a payload: enough to see what it is, whatever a stranger sends

# Without a conflict target: naming one would need the right to see the other row.
_KEEP = text("""
    INSERT INTO quarantine
        (fingerprint, school_id, device_id, topic, reason, payload, payload_bytes, received_at)
    SELECT q.*, :now
    FROM unnest(CAST(:fingerprints AS bytea[]), CAST(:school_ids AS bigint[]),
                CAST(:device_ids AS text[]), CAST(:topics AS text[]), CAST(:reasons AS text[]),
                CAST(:payloads AS bytea[]), CAST(:sizes AS bigint[]))
         AS q (fingerprint, school_id, device_id, topic, reason, payload, payload_bytes)
    ORDER BY q.fingerprint
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message, or one tap of it, that was refused. ``school_id`` is None for a stranger's."""

    topic: str
    payload: bytes
    reason: str
    device_id: str | None = None
    school_id: int | None = None

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha256(self.topic.encode() + b"\n" + self.payload).digest()


def keep(session: Session, unreadable: Sequence[Unreadable], *, now: datetime) -> None:
    """Store each of these unless the same is there already."""
    if not unreadable:
        return
    session.execute(
        _KEEP,
        {
            "fingerprints": [one.fingerprint for one in unreadable],
            "school_ids": [one.school_id for one in unreadable],
            "device_ids": [one.device_id for one in unreadable],
            "topics": [one.topic for one in unreadable],
            "reasons": [one.reason for one in unreadable],
            "payloads": [one.payload[:KEPT_BYTES] for one in unreadable],
            "sizes": [len(one.payload) for one in unreadable],
            "now": now,
        },
    )
