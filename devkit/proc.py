"""What Linux says about other processes."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be reaped has ended."""
    status = _status(pid)
    return status is not None and status[0] not in "ZX"


def start_time(pid: int) -> int | None:
    """When it started, in clock ticks since boot: tells it from a later one with its number."""
    status = _status(pid)
    return int(status[19]) if status is not None else None


def descendants(pid: int) -> list[int]:
    """Its children and theirs, also those that made a session of their own."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def signal_group(group: int, number: signal.Signals) -> None:
    """Send it to each process of a group; nothing happens when there is none left."""
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def signal_process(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _status(pid: int) -> list[str] | None:
    """proc_pid_stat(5) from the third field on, the state; the name before it may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
