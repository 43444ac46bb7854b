"""Telling the other processes that something about a school changed.

A NOTIFY leaves with the commit and only then, so whoever hears it finds the rows. It carries ids
and a kind, nothing personal; PostgreSQL drops repetitions within one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

CHANNEL: Final = "school_events"
TAPS: Final = "taps"
NOTIFICATIONS: Final = "notifications"
DEVICES: Final = "devices"
TASKS: Final = "tasks"
EVACUATIONS: Final = "evacuations"

_NOTIFY = text(
    "SELECT count(pg_notify(:channel, payload)::text)"
    " FROM unnest(CAST(:payloads AS text[])) AS payload"
)


def announce(session: Session, events: Iterable[tuple[int, str]]) -> None:
    """Tell all listeners, at the commit, of each (school id, kind) once."""
    payloads = [
        json.dumps({"school": school_id, "kind": kind}) for school_id, kind in sorted(set(events))
    ]
    if payloads:
        session.execute(_NOTIFY, {"channel": CHANNEL, "payloads": payloads})
