"""Where the zero of each boot's clock lies on the wall clock, once somebody told us the time.

A tap that was made before that carries only a guess at the time, and its exact place on the clock
from boot. With the anchor of its boot it can be given its true time: here if it has not been sent
yet, at central if it has. The row in the outbox stays as it was written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contracts.fields import ContractError
from contracts.messages import Anchor
from edge_agent.clock import Clock
from edge_agent.kept_file import keep_json, kept_json

log = logging.getLogger(__name__)

BOOTS_KEPT = 4  # of one that ended before its taps were sent, the anchor must still go out
STEP_MS = 1000  # between two looks a second apart; a clock that is only slewed stays far below
# Against an anchor of another process in this boot: a slewed clock gains seconds a day at most.
DRIFT_MS = 60_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Anchors:
    """Looked after by one thread; any other may read."""

    def __init__(self, path: Path, clock: Clock, on_new: Callable[[Anchor], None]) -> None:
        """``on_new`` is told of every new anchor; it must return at once."""
        self._path = path
        self._clock = clock
        self._on_new = on_new
        self._kept: Mapping[str, Anchor] = {anchor.boot: anchor for anchor in _read(path)}
        self._last: tuple[str, int] | None = None  # boot and offset at the last look

    @property
    def all(self) -> list[Anchor]:
        """The newest boot's last. Central takes each as often as it is told."""
        return list(self._kept.values())

    def look(self) -> None:
        """Take an anchor when the clock was set or stepped since the last look."""
        now = self._clock()
        if now.clock != "synced":
            self._last = None
            return
        offset = (now.at - _EPOCH) // _MILLISECOND - now.up_ms
        if self._is_news(now.boot, offset):
            self._keep(Anchor(now.boot, max(0, offset), now.at))
        self._last = (now.boot, offset)

    def repaired(self, wire: dict[str, Any]) -> dict[str, Any]:
        """A waiting tap with its true time, if its own was a guess and its boot has an anchor."""
        if wire.get("clock") != "unsynced":
            return wire
        anchor = self._kept.get(str(wire.get("boot")))
        up_ms = wire.get("up_ms")
        if anchor is None or not isinstance(up_ms, int):
            return wire
        at = _EPOCH + (anchor.offset_ms + up_ms) * _MILLISECOND
        return wire | {"at": at.isoformat(), "clock": "repaired"}

    def _is_news(self, boot: str, offset: int) -> bool:
        anchor = self._kept.get(boot)
        if anchor is None:
            return True
        if self._last is None or self._last[0] != boot:
            return abs(offset - anchor.offset_ms) > DRIFT_MS
        return abs(offset - self._last[1]) > STEP_MS

    def _keep(self, anchor: Anchor) -> None:
        log.info("the clock was set: boot %s began at %d ms", anchor.boot, anchor.offset_ms)
        others = [kept for kept in self.all if kept.boot != anchor.boot]
        kept = [*others, anchor][-BOOTS_KEPT:]
        self._kept = {one.boot: one for one in kept}
        keep_json(self._path, [one.to_json().decode() for one in kept])
        self._on_new(anchor)


def _read(path: Path) -> list[Anchor]:
    kept = kept_json(path)
    if not isinstance(kept, list):
        return []
    try:
        return [Anchor.from_json(str(text).encode()) for text in kept]
    except ContractError as error:
        log.warning("%s is of no use: %s", path.name, error)
        return []
