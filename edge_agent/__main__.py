"""``python -m edge_agent run --config FILE``: builds the parts, runs their threads, stops them.

Ends with 0 when told to (SIGTERM, SIGINT), with 2 when a setting is wrong, with 75 when a restart
was ordered from afar, and with 1 when a part failed unexpectedly: the supervisor starts it again,
and the outbox has everything.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from edge_agent import VERSION, readers
from edge_agent.capture import Capture, Desk
from edge_agent.cards import CardNames
from edge_agent.clock import CLOCKS
from edge_agent.debounce import Debounce
from edge_agent.feedback import ConsoleFeedback, EmulatedFeedback, Feedback
from edge_agent.feedback.chosen import ChosenFeedback
from edge_agent.health import Vitals
from edge_agent.log_memory import LogMemory
from edge_agent.office import Gate, Office, open_office
from edge_agent.outbox import Outbox, OutboxUnavailable
from edge_agent.readers.watch import Watch
from edge_agent.roster import RosterFile
from edge_agent.selftest import SelfTest
from edge_agent.settings import FeedbackSettings, ReaderSettings, Settings, SettingsError
from edge_agent.uplink import Identity, Uplink
from edge_agent.wake import Wake

log = logging.getLogger("edge_agent")

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_LOOK_EVERY = 1.0  # seconds between two looks at the roster file and at the clock
_START_AGAIN = 75  # EX_TEMPFAIL: a supervisor restarts on any failure
_STOP_SECONDS = 1.8  # until we leave whatever a thread still does; 2 s is what we are granted


class Threads:
    """The agent's threads. One that fails takes the process with it."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.failed = threading.Event()
        self.restart = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, name: str, run: Callable[[threading.Event], None]) -> None:
        thread = threading.Thread(target=self._guard, args=(name, run), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def start_again(self) -> None:
        """Stop everything, and let the supervisor start the process anew."""
        self.restart.set()
        self.stop.set()

    def status(self) -> int:
        """What the process should end with."""
        if self.failed.is_set():
            return 1
        return _START_AGAIN if self.restart.is_set() else 0

    def join(self, deadline: float) -> bool:
        """Whether all ended before ``deadline``, in monotonic seconds."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _guard(self, name: str, run: Callable[[threading.Event], None]) -> None:
        try:
            run(self.stop)
        except Exception:
            log.exception("%s failed", name)
            self.failed.set()
            self.stop.set()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m edge_agent", description="The school gate.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="read cards until told to stop")
    run.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings, TOML")
    config: Path = parser.parse_args(arguments).config
    # ``_serve`` takes signals by waiting for them, not by a handler in the middle of things.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logs = LogMemory()
    logging.getLogger().addHandler(logs)
    try:
        return _run(Settings.from_file(config), logs)
    except SettingsError as error:
        sys.stderr.write(f"{config}: {error}\n")
        return 2
    except OutboxUnavailable as error:
        log.error("the outbox cannot be used: %s", error)
        return 1


def _run(settings: Settings, logs: LogMemory) -> int:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    devices = [(reader.name, _device(reader)) for reader in settings.readers]
    outbox = Outbox.open(settings.data_dir / "outbox.db")
    roster = RosterFile(settings.roster, settings.data_dir / "roster.last-good.json")
    roster.load()
    threads = Threads()
    clock, wake = CLOCKS[settings.clock], Wake()
    names = CardNames(settings.site.key, settings.site.token_domain)
    feedback, debounce = _feedback(settings.feedback), Debounce(settings.repeat_window_s)
    capture = Capture(Desk(names, roster, clock, feedback), outbox, debounce, wake.set)
    watches = [Watch(name, device, capture.take) for name, device in devices]
    vitals = Vitals(settings.data_dir, outbox, roster, watches, clock)
    selftest = SelfTest(vitals, lambda: uplink.is_connected)
    gate = Gate(clock, wake, debounce, feedback, roster, selftest, logs)
    office = open_office(settings, gate, threads.stop, threads.start_again)
    identity = Identity(settings.device, settings.broker, clock, office.desk)
    uplink = Uplink(identity, outbox, wake, vitals.take)
    log.info("gate %s, stream %s, %d waiting", settings.device, outbox.stream, outbox.depth())
    _start(threads, watches, uplink, office)
    _wait_for_the_end(threads, roster, office)
    wake.set()
    office.leave()
    if threads.join(time.monotonic() + _STOP_SECONDS):
        outbox.close()
    log.info("stopped")
    return threads.status()


def _start(threads: Threads, watches: Sequence[Watch], uplink: Uplink, office: Office) -> None:
    for watch in watches:
        threads.start(f"reader {watch.name}", watch.run)
    threads.start("uplink", uplink.run)
    threads.start("orders", office.commands.run)
    if office.fetch is not None:
        threads.start("roster", office.fetch.run)


def _wait_for_the_end(threads: Threads, roster: RosterFile, office: Office) -> None:
    """Return when told to stop, or when a thread failed; keep roster and clock fresh until then."""
    while not threads.stop.is_set():
        if signal.sigtimedwait(_STOP_SIGNALS, _LOOK_EVERY) is not None:
            threads.stop.set()
        roster.refresh()
        office.anchors.look()


def _device(reader: ReaderSettings) -> readers.Reader:
    try:
        return readers.make(reader.driver, reader.path)
    except ImportError as error:
        raise SettingsError(
            f'readers: driver "{reader.driver}" needs a library that is not installed ({error})'
        ) from error


def _feedback(settings: FeedbackSettings) -> ChosenFeedback:
    kinds: dict[str, Callable[[], Feedback]] = {"console": ConsoleFeedback}
    if settings.socket is not None:
        kinds["emulated"] = partial(EmulatedFeedback, settings.socket)
    return ChosenFeedback(kinds, settings.kind)


if __name__ == "__main__":
    sys.exit(main())
