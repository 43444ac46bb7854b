"""Whether each part of the gate works, for a technician: at the gate or far away."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_agent.findings import Finding
from edge_agent.health import LOW_DISK_MB, Vitals, free_mb
from edge_agent.outbox import OutboxUnavailable


@dataclass(frozen=True)
class SelfTest:
    """The parts that are looked at. ``is_connected`` says whether the broker lets us in now."""

    vitals: Vitals
    is_connected: Callable[[], bool]

    def run(self) -> list[Finding]:
        """Takes as long as one write to the disk. Raises nothing: what fails is a finding."""
        readers = [
            Finding(f"reader {watch.name}", watch.is_ready, f"{watch.resets} resets")
            for watch in self.vitals.watches
        ]
        return [*readers, self._disk(), self._time(), self._broker(), self._queue(), self._cards()]

    def _disk(self) -> Finding:
        probe = self.vitals.data_dir / "selftest"
        try:
            with probe.open("wb") as file:
                file.write(b"written")
                file.flush()
                os.fsync(file.fileno())
            probe.unlink()
            free = free_mb(self.vitals.data_dir)
        except OSError as error:
            return Finding("disk", False, f"{type(error).__name__}: {error.strerror}")
        return Finding("disk", free >= LOW_DISK_MB, f"{free} MB free")

    def _time(self) -> Finding:
        now = self.vitals.clock()
        return Finding("clock", now.clock == "synced", f"{now.clock}, {now.at:%Y-%m-%d %H:%M:%S}Z")

    def _broker(self) -> Finding:
        connected = self.is_connected()
        return Finding("broker", connected, "connected" if connected else "not connected")

    def _queue(self) -> Finding:
        try:
            return Finding("queue", True, f"{self.vitals.outbox.depth()} taps wait")
        except OutboxUnavailable as error:
            return Finding("queue", False, str(error))

    def _cards(self) -> Finding:
        version, age_s = self.vitals.roster.version, self.vitals.roster.age_s()
        if version is None:
            return Finding("roster", False, "none: every card is unknown")
        return Finding("roster", True, f"version {version}, {(age_s or 0) // 60} minutes old")


def as_result(findings: Sequence[Finding]) -> Mapping[str, Any]:
    """As the answer to an order."""
    checks = [
        {"part": finding.part, "ok": finding.ok, "detail": finding.detail} for finding in findings
    ]
    return {"ok": all(finding.ok for finding in findings), "checks": checks}
