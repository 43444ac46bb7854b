"""Tells systemd how we are, and lets it start us again when a part hangs.

systemd is fed only while every loop comes round: each reader's, the disk's and the uplink's. A
reader that is not there, a disk that refuses and a broker that is away are faults that a restart
does not heal: their loops come round all the same, and the gate stays up. A loop that hangs is what
a restart may heal.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

# How long a loop may take to come round, in seconds. Shorter would take us down for what passes by
# itself: a USB reset, a name server that does not answer, a memory card that tidies up.
READER_SECONDS: Final = 60.0
UPLINK_SECONDS: Final = 180.0
DISK_SECONDS: Final = 120.0
DISK_EVERY: Final = 30.0  # a write each; more often would only wear the memory card
_FED_PER_DEADLINE: Final = 3  # so one that is late does not kill us
_STATUS_EVERY: Final = 10.0


@dataclass(frozen=True)
class Beat:
    """A loop that must come round: when it last did (monotonic seconds), and how often it must."""

    name: str
    last_at: Callable[[], float]
    within_s: float


@dataclass(frozen=True)
class Pulse:
    """What a watchdog looks at. ``status`` is a line for people; it must be quick."""

    beats: Sequence[Beat]
    status: Callable[[], str]


class Notifier:
    """sd_notify(3), the few lines of it that we need. Without an address nobody is told."""

    def __init__(self, address: str | None) -> None:
        """``address`` as in $NOTIFY_SOCKET: a path, or ``@`` and an abstract name."""
        self._address = None if not address else _abstract(address)

    def tell(self, *lines: str) -> None:
        """As ``READY=1``. Never waits and never raises."""
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("systemd was not told: %s", error)


class DiskBeat:
    """Writes to the disk every now and then, in a thread of its own: a write may hang for ever."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "beat"
        self.beat_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.write()
            stop.wait(DISK_EVERY)

    def write(self) -> None:
        """Once. A disk that refuses has answered too; who needs it says what is lost."""
        try:
            with self._path.open("wb") as file:
                file.write(b"beat")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            log.debug("beat: %s", error)
        self.beat_at = time.monotonic()


class Watchdog:
    """``look`` is called once a second, on the main thread: that one must come round as well."""

    def __init__(self, notifier: Notifier, pulse: Pulse, deadline_s: float | None) -> None:
        """``deadline_s`` is systemd's WatchdogSec; None: it does not watch us."""
        self._notifier = notifier
        self._pulse = pulse
        self._feed_every = None if deadline_s is None else deadline_s / _FED_PER_DEADLINE
        self._fed_at = -float("inf")
        self._status_at = -float("inf")
        self._said = ""
        self._late: list[str] = []

    def ready(self) -> None:
        """Every part runs."""
        self._notifier.tell("READY=1")

    def stopping(self) -> None:
        self._notifier.tell("STOPPING=1")

    def look(self, now: float | None = None) -> None:
        """``now`` in monotonic seconds."""
        now = time.monotonic() if now is None else now
        self._say_status(now)
        late = [beat.name for beat in self._pulse.beats if now - beat.last_at() > beat.within_s]
        if late != self._late:
            self._late = late
            log.error("hangs: %s", ", ".join(late) or "nothing any more")
        if late or self._feed_every is None or now - self._fed_at < self._feed_every:
            return
        self._fed_at = now
        self._notifier.tell("WATCHDOG=1")

    def _say_status(self, now: float) -> None:
        if now - self._status_at < _STATUS_EVERY:
            return
        self._status_at = now
        status = self._pulse.status()
        if status != self._said:
            self._said = status
            self._notifier.tell(f"STATUS={status}")


def _abstract(address: str) -> str:
    return f"\0{address[1:]}" if address.startswith("@") else address
