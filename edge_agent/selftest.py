"""Whether each part of the gate works, for a technician: at the gate or far away."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from edge_agent.clock import Clock
from edge_agent.findings import Finding
from edge_agent.health import LOW_DISK_MB, STALE_ROSTER_S, Vitals, free_mb, outbox_alarms
from edge_agent.outbox import Outbox, OutboxUnavailable
from edge_agent.roster import RosterFile
from edge_agent.settings import BrokerSettings

# It is renewed long before; so near to its end somebody has to find out why not.
SOON_DAYS: Final = 14


@dataclass(frozen=True)
class SelfTest:
    """The parts that are looked at. ``is_connected`` says whether the broker lets us in now.

    ``more`` looks at parts that not every gate has, such as a camera.
    """

    vitals: Vitals
    broker: BrokerSettings
    is_connected: Callable[[], bool]
    more: Sequence[Callable[[], Finding]] = ()

    def run(self) -> list[Finding]:
        """Takes as long as one write to the disk. Raises nothing: what fails is a finding."""
        tls, vitals = self.broker.tls, self.vitals
        return [
            *(reader_finding(watch.name, watch.is_ready, watch.resets) for watch in vitals.watches),
            disk_finding(vitals.data_dir),
            clock_finding(vitals.clock),
            self._broker(),
            queue_finding(vitals.outbox),
            roster_finding(vitals.roster),
            certificate_finding(None if tls is None else tls.cert_file, vitals.clock().at),
            *(look() for look in self.more),
        ]

    def _broker(self) -> Finding:
        if self.is_connected():
            return Finding("broker", True, "broker_connected")
        return Finding("broker", False, "broker_down", {"port": self.broker.port})


def reader_finding(name: str, ready: bool, resets: int) -> Finding:
    note = "reader_ready" if ready else "reader_gone"
    return Finding(f"reader {name}", ready, note, {"resets": resets})


def clock_finding(clock: Clock) -> Finding:
    now = clock()
    synced = now.clock == "synced"
    note = "clock_synced" if synced else "clock_unsynced"
    return Finding("clock", synced, note, {"at": f"{now.at:%Y-%m-%d %H:%M:%S}"})


def queue_finding(outbox: Outbox) -> Finding:
    try:
        depth = outbox.depth()
    except OutboxUnavailable as error:
        return Finding("queue", False, "queue_unreadable", {"error": str(error)})
    filling = bool(outbox_alarms(depth, 0))
    note = _either(filling, "queue_filling", "queue_depth")
    return Finding("queue", not filling, note, {"n": depth})


def roster_finding(roster: RosterFile) -> Finding:
    version, age_s = roster.version, roster.age_s() or 0
    if version is None:
        return Finding("roster", False, "roster_none")
    stale = age_s > STALE_ROSTER_S
    note = _either(stale, "roster_stale", "roster_known")
    return Finding("roster", not stale, note, {"version": version, "minutes": age_s // 60})


def disk_finding(folder: Path) -> Finding:
    """Whether the disk takes a write now, and how much room there is."""
    if not folder.exists():
        return Finding("disk", False, "disk_absent")
    probe = folder / "selftest"
    try:
        with probe.open("wb") as file:
            file.write(b"written")
            file.flush()
            os.fsync(file.fileno())
        probe.unlink()
        free = free_mb(folder)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return Finding("disk", False, "disk_full")
        said = f"{type(error).__name__}: {error.strerror}"
        return Finding("disk", False, "disk_refuses", {"error": said})
    low = free < LOW_DISK_MB
    return Finding("disk", not low, _either(low, "disk_low", "disk_free"), {"mb": free})


def certificate_finding(cert_file: Path | None, now: datetime) -> Finding:
    """How long the device's certificate is good for; None: it has none, and needs none."""
    if cert_file is None:
        return Finding("certificate", True, "certificate_none")
    try:
        certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
    except (OSError, ValueError) as error:
        seen = {"error": f"{cert_file.name}: {type(error).__name__}"}
        return Finding("certificate", False, "certificate_unreadable", seen)
    days = (certificate.not_valid_after_utc - now.astimezone(UTC)).days
    if days < 0:
        return Finding("certificate", False, "certificate_expired", {"days": -days})
    soon = days < SOON_DAYS
    note = _either(soon, "certificate_soon", "certificate_days")
    return Finding("certificate", not soon, note, {"days": days})


def as_result(findings: Sequence[Finding]) -> Mapping[str, Any]:
    """As the answer to an order."""
    checks = [
        {"part": finding.part, "ok": finding.ok, "detail": finding.detail}
        | ({} if finding.ok else {"fault": finding.note})
        for finding in findings
    ]
    return {"ok": all(finding.ok for finding in findings), "checks": checks}


def _either(bad: bool, fault: str, fine: str) -> str:
    return fault if bad else fine
