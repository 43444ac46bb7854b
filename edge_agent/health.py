"""How this device is, from what is at hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.fields import ContractError, moment
from contracts.messages import Health
from edge_agent.clock import Clock, Moment
from edge_agent.outbox import Outbox
from edge_agent.photos.photographer import Photographer
from edge_agent.readers.watch import Watch
from edge_agent.roster import RosterFile

LOW_DISK_MB: Final = 500  # below it photos are no longer kept, so that taps can be

# What an outbox should hold. Beyond it nothing is dropped and no tap is refused: a row is 400
# bytes, so fifty thousand are 20 MB, and a child's tap is worth more than room for photos, which
# are no longer kept then. What limits taps is the disk alone; then the child is told so.
MOST_TAPS: Final = 50_000
MOST_AGE_S: Final = 30 * 86_400
_ALARM_PERCENT: Final = 80

STALE_ROSTER_S: Final = 2 * 86_400  # a weekend at a school whose network is off at night
_THERMOMETER = Path("/sys/class/thermal/thermal_zone0/temp")


@dataclass(frozen=True)
class Vitals:
    """The parts that are looked at."""

    data_dir: Path
    outbox: Outbox
    roster: RosterFile
    watches: Sequence[Watch]
    clock: Clock
    certificate_days: Callable[[], int | None] = lambda: None  # left of it
    camera: Photographer | None = None

    def take(self) -> Health:
        """Raises OutboxUnavailable."""
        now = self.clock()
        depth, oldest_s = self.outbox.depth(), self._oldest_unsent_s(now)
        free, age_s = free_mb(self.data_dir), self.roster.age_s()
        alarms = [
            *outbox_alarms(depth, oldest_s),
            *_trouble_of(self.outbox),
            *_alarms(now.clock, free, age_s),
        ]
        if self.camera is not None:
            alarms += self.camera.alarms()
        return Health(
            at=now.at,
            clock=now.clock,
            queue_depth=depth,
            oldest_unsent_s=oldest_s,
            disk_free_mb=free,
            reader_resets=sum(watch.resets for watch in self.watches),
            camera_resets=0 if self.camera is None else self.camera.resets,
            roster_version=self.roster.version,
            temperature_c=_temperature_c(),
            roster_age_s=age_s,
            certificate_days=self.certificate_days(),
            alarms=tuple(alarms),
        )

    def _oldest_unsent_s(self, now: Moment) -> int:
        oldest = self.outbox.after(0, 1)
        if not oldest:
            return 0
        wire = oldest[0].wire
        if now.clock == "unsynced" and wire.get("boot") == now.boot:
            up_ms = wire.get("up_ms")  # the wall clock may be set at any moment; this one goes on
            return max(0, now.up_ms - up_ms) // 1000 if isinstance(up_ms, int) else 0
        try:
            tapped_at = moment(wire, "at")
        except ContractError:  # damaged on the disk; the outbox has said so
            return 0
        return max(0, int((now.at - tapped_at).total_seconds()))


def outbox_alarms(depth: int, oldest_s: int) -> list[str]:
    """What to say of an outbox with so many taps, the oldest of which waits for so long."""
    percent = max(100 * depth // MOST_TAPS, 100 * oldest_s // MOST_AGE_S)
    if percent >= 100:
        return ["outbox_full"]
    return ["outbox_filling"] if percent >= _ALARM_PERCENT else []


def _trouble_of(outbox: Outbox) -> Iterator[str]:
    if outbox.refused:
        yield "taps_not_stored"
    if outbox.was_damaged:
        yield "outbox_damaged"


def photos_have_room(depth: int, free: int) -> bool:
    """Whether photos may still be kept, with so many taps waiting and so many MB free."""
    return free >= LOW_DISK_MB and depth < MOST_TAPS // 2


def free_mb(folder: Path) -> int:
    """Raises OSError."""
    return shutil.disk_usage(folder).free // 1_000_000


def _alarms(clock: str, free: int, roster_age_s: int | None) -> Iterator[str]:
    if free < LOW_DISK_MB:
        yield "disk_low"
    if clock == "unsynced":
        yield "clock_unsynced"
    if roster_age_s is None:
        yield "no_roster"
    elif roster_age_s > STALE_ROSTER_S:
        yield "roster_stale"


def _temperature_c() -> int | None:
    try:
        return int(_THERMOMETER.read_text()) // 1000
    except (OSError, ValueError):  # not a Pi
        return None
