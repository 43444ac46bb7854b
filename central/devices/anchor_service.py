"""Keeping where the clocks of devices' boots have their zero."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from contracts.messages import Anchor

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# An anchor says twice where it was taken: it is not believed if both differ by more than a step of
# the clock while it was written, or if no device runs that long.
_LONGEST_BOOT_MS: Final = 10 * 365 * 86_400_000
_LATEST_OFFSET_MS: Final = 7_258_118_400_000  # the year 2200; the table holds none above

# Of one boot the anchor taken last counts, whichever arrives last: a clock that was set wrongly
# and then rightly heals. `at` less the offset is where on the boot's own clock it was taken.
_NOTE = text("""
    INSERT INTO clock_anchors AS c (school_id, device_id, boot, offset_ms, at)
    SELECT d.school_id, a.device_id, a.boot, a.offset_ms, a.at
    FROM unnest(CAST(:device_ids AS text[]), CAST(:boots AS text[]), CAST(:offsets AS bigint[]),
                CAST(:times AS timestamptz[])) AS a (device_id, boot, offset_ms, at)
    JOIN devices d ON d.id = a.device_id
    ORDER BY d.school_id, a.device_id, a.boot
    ON CONFLICT (school_id, device_id, boot) DO UPDATE
        SET offset_ms = excluded.offset_ms, at = excluded.at
        WHERE (excluded.at - excluded.offset_ms * interval '1 millisecond', excluded.offset_ms)
            > (c.at - c.offset_ms * interval '1 millisecond', c.offset_ms)
""")


def note_anchors(session: Session, anchors: Iterable[tuple[str, Anchor]]) -> None:
    """Keep for each boot the anchor that was taken last in it. Repeating changes nothing."""
    latest: dict[tuple[str, str], Anchor] = {}
    for device_id, anchor in anchors:
        key = (device_id, anchor.boot)
        if is_sensible(anchor) and (key not in latest or _order(anchor) > _order(latest[key])):
            latest[key] = anchor
    if not latest:
        return
    session.execute(
        _NOTE,
        {
            "device_ids": [device_id for device_id, _ in latest],
            "boots": [boot for _, boot in latest],
            "offsets": [anchor.offset_ms for anchor in latest.values()],
            "times": [anchor.at for anchor in latest.values()],
        },
    )


def is_sensible(anchor: Anchor) -> bool:
    """Whether its two figures can be of one device: it was taken after the boot it is of."""
    up_ms = _taken_at_ms(anchor)
    return 0 <= anchor.offset_ms <= _LATEST_OFFSET_MS and 0 <= up_ms <= _LONGEST_BOOT_MS


def _order(anchor: Anchor) -> tuple[timedelta, int]:
    since_boot = anchor.at - _EPOCH - anchor.offset_ms * _MILLISECOND
    return since_boot, anchor.offset_ms


def _taken_at_ms(anchor: Anchor) -> int:
    return (anchor.at - _EPOCH) // _MILLISECOND - anchor.offset_ms
