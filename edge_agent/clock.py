"""What time it is, and how far that can be trusted. Needs no privileges.

A Pi has no clock of its own: after a power cut it may believe anything until it hears from a time
server. Each tap therefore also carries its place on the clock that counts from boot.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIMESYNCD_MARK = Path("/run/systemd/timesync/synchronized")
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized
_STA_UNSYNC = 0x40


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as this device knows it; the fields are those of a tap on the wire."""

    at: datetime
    clock: str
    boot: str
    up_ms: int


Clock = Callable[[], Moment]


def system_clock() -> Moment:
    """Now, trusted if the kernel or systemd-timesyncd says that a time server was heard."""
    return _moment("synced" if _kernel_is_synced() or _TIMESYNCD_MARK.exists() else "unsynced")


def host_clock() -> Moment:
    """Now, where somebody else keeps the clock right: a virtual machine, a container."""
    return _moment("synced")


CLOCKS: dict[str, Clock] = {"system": system_clock, "host": host_clock}


def uptime_ms() -> int:
    """Milliseconds since boot, time asleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def _moment(clock: str) -> Moment:
    return Moment(datetime.now(UTC), clock, _boot_id(), uptime_ms())


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip()


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2); with ``modes`` 0 the call only reads, as any user."""

    _fields_: ClassVar = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),  # not looked at; more than any platform needs
    ]


_libc = ctypes.CDLL(None, use_errno=True)


def _kernel_is_synced() -> bool:
    timex = _Timex()
    state = _libc.adjtimex(ctypes.byref(timex))
    return state not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC
