"""How devices are, as they last said, and as it was over the last month."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.devices import rules
from contracts.messages import Health

SLOT: Final = timedelta(minutes=15)  # 96 rows a day and gate: fine enough to see a bad morning

_LATEST = text("""
    WITH news AS (
        SELECT d.school_id, d.id, n.backlog, n.health
        FROM unnest(CAST(:device_ids AS text[]), CAST(:backlogs AS integer[]),
                    CAST(:healths AS text[])) AS n (device_id, backlog, health)
        JOIN devices d ON d.id = n.device_id
        ORDER BY d.id FOR NO KEY UPDATE OF d
    )
    UPDATE devices d SET health_at = :now, backlog = n.backlog, health = CAST(n.health AS jsonb)
    FROM news n WHERE d.school_id = n.school_id AND d.id = n.id
""")
_HISTORY = text("""
    INSERT INTO device_health AS h
        (school_id, device_id, slot_at, queue_depth, oldest_unsent_s, disk_free_mb,
         temperature_c, reader_resets, camera_resets, unsynced)
    SELECT d.school_id, d.id, CAST(:slot_at AS timestamptz), n.depth, n.oldest, n.disk,
        n.temperature, n.readers, n.cameras, n.unsynced
    FROM unnest(CAST(:device_ids AS text[]), CAST(:depths AS bigint[]), CAST(:oldest AS bigint[]),
                CAST(:disks AS bigint[]), CAST(:temperatures AS integer[]),
                CAST(:readers AS bigint[]), CAST(:cameras AS bigint[]),
                CAST(:unsynced AS boolean[]))
         AS n (device_id, depth, oldest, disk, temperature, readers, cameras, unsynced)
    JOIN devices d ON d.id = n.device_id
    ORDER BY d.school_id, d.id
    ON CONFLICT (school_id, device_id, slot_at) DO UPDATE
        SET queue_depth = greatest(h.queue_depth, excluded.queue_depth),
            oldest_unsent_s = greatest(h.oldest_unsent_s, excluded.oldest_unsent_s),
            disk_free_mb = least(h.disk_free_mb, excluded.disk_free_mb),
            temperature_c = greatest(h.temperature_c, excluded.temperature_c),
            reader_resets = excluded.reader_resets, camera_resets = excluded.camera_resets,
            unsynced = h.unsynced OR excluded.unsynced
""")
_FORGET = text("DELETE FROM device_health WHERE slot_at < :before")


def note_health(session: Session, reports: Iterable[tuple[str, Health]], *, now: datetime) -> None:
    """Keep that these devices live, how each is, and the worst of each quarter of an hour."""
    latest = dict(reports)
    if not latest:
        return
    healths = list(latest.values())
    session.execute(
        _LATEST,
        {
            "device_ids": list(latest),
            "backlogs": [rules.backlog(health) for health in healths],
            "healths": [health.to_json().decode() for health in healths],
            "now": now,
        },
    )
    session.execute(
        _HISTORY,
        {
            "device_ids": list(latest),
            "slot_at": rules.slot_of(now, SLOT),
            "depths": [health.queue_depth for health in healths],
            "oldest": [health.oldest_unsent_s for health in healths],
            "disks": [health.disk_free_mb for health in healths],
            "temperatures": [rules.counted(health.temperature_c) for health in healths],
            "readers": [health.reader_resets for health in healths],
            "cameras": [health.camera_resets for health in healths],
            "unsynced": [health.clock == "unsynced" for health in healths],
        },
    )


def forget_health(session: Session, *, before: datetime) -> None:
    """Delete the history of the schools entered that is older than ``before``."""
    session.execute(_FORGET, {"before": before})
