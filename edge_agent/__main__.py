"""``python -m edge_agent run --config FILE``: builds the parts, runs their threads, stops them.

Ends with 0 when told to (SIGTERM, SIGINT), with 2 when a setting is wrong, with 75 when a restart
was ordered from afar, with 77 when central has revoked this gate, and with 1 when a part failed
unexpectedly: the supervisor starts it again, and the outbox has everything. ``doctor`` looks at
every part and ends with 1 if one is not well.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edge_agent import VERSION, enroll_command
from edge_agent.doctor import become_owner_of, examine, locale_of, report
from edge_agent.log_memory import LogMemory
from edge_agent.outbox import OutboxUnavailable
from edge_agent.parts import Agent, build
from edge_agent.settings import Settings, SettingsError
from edge_agent.threads import REVOKED, Threads
from edge_agent.watchdog import Notifier, Watchdog
from edge_agent.wipe import is_wiped, wipe

log = logging.getLogger("edge_agent")

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_LOOK_EVERY = 1.0  # seconds between two looks at the roster file and at the clock
_STOP_SECONDS = 1.8  # until we leave whatever a thread still does; 2 s is what we are granted


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    try:
        return _COMMANDS[chosen.command](chosen)
    except SettingsError as error:
        sys.stderr.write(f"{chosen.config}: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m edge_agent", description="The school gate.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="read cards until told to stop")
    _takes_config(run)
    doctor = commands.add_parser("doctor", help="look at every part, and say what to do")
    _takes_config(doctor)
    enroll_command.add_arguments(
        commands.add_parser("enroll", help="make a gate of this machine, with a one-time code")
    )
    return parser


def _takes_config(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="settings, TOML"
    )


def _run(chosen: argparse.Namespace) -> int:
    if is_wiped(chosen.config):
        sys.stderr.write("this gate was revoked; enrol it again\n")
        return REVOKED
    # ``_serve`` takes signals by waiting for them, not by a handler in the middle of things.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logs = LogMemory()
    logging.getLogger().addHandler(logs)
    settings, threads = Settings.from_file(chosen.config), Threads()
    try:
        agent = build(settings, logs, threads)
    except OutboxUnavailable as error:
        log.error("the outbox cannot be used: %s", error)
        return 1
    outbox = agent.outbox
    log.info("gate %s, stream %s, %d waiting", settings.device, outbox.stream, outbox.depth())
    _serve(agent, threads, _watchdog(agent))
    if threads.revoked.is_set():
        wipe(settings)
    log.info("stopped")
    return threads.status()


def _watchdog(agent: Agent) -> Watchdog:
    """As systemd asks for it; without systemd it tells nobody."""
    deadline_us = os.environ.get("WATCHDOG_USEC", "")
    deadline_s = int(deadline_us) / 1e6 if deadline_us.isdecimal() else None
    return Watchdog(Notifier(os.environ.get("NOTIFY_SOCKET")), agent.pulse, deadline_s)


def _serve(agent: Agent, threads: Threads, watchdog: Watchdog) -> None:
    """Run every part until told to stop, or until one failed."""
    for name, run in agent.duties.threads:
        threads.start(name, run)
    watchdog.ready()
    while not threads.stop.is_set():
        if signal.sigtimedwait(_STOP_SIGNALS, _LOOK_EVERY) is not None:
            threads.stop.set()
        for look in agent.duties.looks:
            look()
        watchdog.look()
    watchdog.stopping()
    for say_goodbye in agent.duties.goodbyes:
        say_goodbye()
    if threads.join(time.monotonic() + _STOP_SECONDS):
        agent.outbox.close()


def _doctor(chosen: argparse.Namespace) -> int:
    """0 if all is well, 1 if something is to be looked at."""
    settings = Settings.from_file(chosen.config)
    become_owner_of(settings.data_dir)
    logging.disable()  # what goes wrong is in the report
    findings = examine(settings)
    said = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    locale = locale_of(next(filter(None, said), ""))
    sys.stdout.write(report(findings, settings.device, locale) + "\n")
    return 0 if all(finding.ok for finding in findings) else 1


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "doctor": _doctor,
    "enroll": enroll_command.run,
}


if __name__ == "__main__":
    sys.exit(main())
