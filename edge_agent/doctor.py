"""``python -m edge_agent doctor --config FILE``: what a technician wants to know of this gate.

A running agent is asked for its own self-test. Without one the parts are looked at directly: the
readers are opened, and the broker is asked to let us in.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from contracts import topics
from contracts.messages import DeviceStatus
from edge_agent import VERSION, readers
from edge_agent.clock import CLOCKS, Clock
from edge_agent.doctor_desk import AgentSilent, ask_agent
from edge_agent.findings import Finding
from edge_agent.link import Link, LinkDown, Message
from edge_agent.outbox import Outbox, OutboxUnavailable
from edge_agent.reader_settings import ReaderSettings
from edge_agent.readers.watch import Watch
from edge_agent.roster import RosterFile
from edge_agent.selftest import (
    certificate_finding,
    clock_finding,
    disk_finding,
    queue_finding,
    reader_finding,
    roster_finding,
)
from edge_agent.settings import Settings

READER_SECONDS: Final = 5.0  # a PN532 that was just powered needs one or two
_TITLES: Final = {
    "es": ("Puerta {device}", "Todo está bien.", "Para revisar: {n}."),
    "en": ("Gate {device}", "All is well.", "To look at: {n}."),
}
_SIGNS: Final = {True: "✓", False: "▲"}


def locale_of(environment: str) -> str:
    """``es`` or ``en`` for the value of LC_ALL, LC_MESSAGES or LANG; English for all others."""
    return "es" if environment.lower().startswith("es") else "en"


def examine(settings: Settings) -> list[Finding]:
    """Look at everything. Raises nothing: what fails is a finding."""
    try:
        findings = ask_agent(settings.data_dir)
    except AgentSilent:
        return [Finding("agent", False, "agent_silent"), disk_finding(settings.data_dir)]
    if findings is not None:
        return [Finding("agent", True, "agent_running"), *findings]
    return [Finding("agent", True, "agent_absent"), *_look(settings)]


def become_owner_of(folder: Path) -> None:
    """As root: go on as the user whose folder it is, lest we leave files that the agent cannot
    write. Does nothing for anybody else."""
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.stat().st_uid
    if owner == 0:
        return
    with contextlib.suppress(KeyError):  # a user without a name has no groups either
        entry = pwd.getpwuid(owner)
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
    os.setuid(owner)


def report(findings: Sequence[Finding], device: str, locale: str) -> str:
    """For people: a line for each part, and below a fault what to do about it."""
    title, well, faults = _TITLES[locale]
    width = max(len(finding.named(locale)) for finding in findings)
    lines = [title.format(device=device), ""]
    for finding in findings:
        name = finding.named(locale).ljust(width)
        lines.append(f"  {_SIGNS[finding.ok]} {name}  {finding.said(locale)}")
        if finding.remedy(locale):
            lines.append(f"    {' ' * width}  → {finding.remedy(locale)}")
    wrong = sum(not finding.ok for finding in findings)
    return "\n".join([*lines, "", faults.format(n=wrong) if wrong else well])


def _look(settings: Settings) -> list[Finding]:
    clock, tls = CLOCKS[settings.clock], settings.broker.tls
    roster = RosterFile(settings.roster, settings.data_dir / "roster.last-good.json")
    roster.load()
    return [
        *(_reader(reader) for reader in settings.readers),
        disk_finding(settings.data_dir),
        clock_finding(clock),
        _broker(settings, clock),
        *_queue(settings.data_dir / "outbox.db"),
        roster_finding(roster),
        certificate_finding(None if tls is None else tls.cert_file, clock().at),
    ]


def _queue(path: Path) -> Iterator[Finding]:
    """Nothing of a file that is not there yet: we are not the one to make it."""
    if not path.exists():
        return
    try:
        with contextlib.closing(Outbox(path)) as outbox:
            yield queue_finding(outbox)
    except OutboxUnavailable as error:
        yield Finding("queue", False, "queue_unreadable", {"error": str(error)})


def _reader(settings: ReaderSettings) -> Finding:
    part = f"reader {settings.name}"
    try:
        device = readers.make(settings.driver, settings.path, settings.options)
    except ImportError as error:
        return Finding(part, False, "reader_unusable", {"error": str(error)})
    watch, stop = Watch(settings.name, device, lambda *_: None), threading.Event()
    running = threading.Thread(target=watch.run, args=(stop,), daemon=True)
    running.start()
    ready = watch.wait_until_ready(READER_SECONDS)
    resets = watch.resets
    stop.set()
    running.join(READER_SECONDS)
    return reader_finding(settings.name, ready, resets)


def _broker(settings: Settings, clock: Clock) -> Finding:
    """Whether it lets us in. Says nothing there, and leaves in order, so that no will is told."""
    now = clock()
    status = DeviceStatus(False, int(now.at.timestamp()), VERSION, now.at)
    will = Message(topics.status(settings.device), status.to_json(), retain=True)
    link = Link(settings.broker, settings.device, will, lambda _: None, now.clock)
    try:
        with contextlib.closing(link):
            link.open()
            link.say_goodbye()
    except LinkDown as error:
        seen: dict[str, str | int] = {"error": str(error), "port": settings.broker.port}
        return Finding("broker", False, "broker_refuses", seen)
    return Finding("broker", True, "broker_connected")
