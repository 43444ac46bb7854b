"""How this device is, from what is at hand."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from contracts.fields import ContractError, moment
from contracts.messages import Health
from edge_agent.clock import Clock
from edge_agent.outbox import Outbox
from edge_agent.readers.watch import Watch
from edge_agent.roster import RosterFile

_THERMOMETER = Path("/sys/class/thermal/thermal_zone0/temp")


@dataclass(frozen=True)
class Vitals:
    """The parts that are looked at."""

    data_dir: Path
    outbox: Outbox
    roster: RosterFile
    watches: Sequence[Watch]
    clock: Clock

    def take(self) -> Health:
        """Raises OutboxUnavailable."""
        now = self.clock()
        return Health(
            at=now.at,
            clock=now.clock,
            queue_depth=self.outbox.depth(),
            oldest_unsent_s=self._oldest_unsent_s(now.at),
            disk_free_mb=shutil.disk_usage(self.data_dir).free // 1_000_000,
            reader_resets=sum(watch.resets for watch in self.watches),
            camera_resets=0,
            roster_version=self.roster.version,
            temperature_c=_temperature_c(),
        )

    def _oldest_unsent_s(self, now: datetime) -> int:
        oldest = self.outbox.after(0, 1)
        if not oldest:
            return 0
        try:
            tapped_at = moment(oldest[0].wire, "at")
        except ContractError:  # damaged on the disk; the outbox has said so
            return 0
        return max(0, int((now - tapped_at).total_seconds()))


def _temperature_c() -> int | None:
    try:
        return int(_THERMOMETER.read_text()) // 1000
    except (OSError, ValueError):  # not a Pi
        return None
