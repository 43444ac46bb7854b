"""What Linux says about processes, also about those that are not our children."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Identity(NamedTuple):
    """One process for good: its number may be given to another later, with another start time."""

    pid: int
    start_time: int  # clock ticks since boot

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        status = _status(pid)
        return cls(pid, int(status[19])) if status is not None else None

    def runs(self) -> bool:
        return is_running(self.pid) and Identity.of(self.pid) == self

    def kill(self) -> None:
        """SIGKILL; nothing happens when it has ended already."""
        if self.runs():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be reaped has ended."""
    status = _status(pid)
    return status is not None and status[0] not in "ZX"


def descendants(pid: int) -> list[Identity]:
    """Its children and theirs, also those that left its group, as PostgreSQL's and RQ's do."""
    found: list[Identity] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text().split()):
                identity = Identity.of(child)
                found += [identity] if identity is not None else []
                found += descendants(child)
    return found


def kill_family(leader: int) -> list[Identity]:
    """SIGKILL to the leader of a process group, its group, and its descendants.

    Returns the descendants, which may take a moment to go.
    """
    family = descendants(leader)
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
    for member in family:
        member.kill()
    return family


def _status(pid: int) -> list[str] | None:
    """proc_pid_stat(5) from the third field on, the state; the name before it may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
