"""Keeps programs running: starts them in order, restarts what dies, stops all in reverse order."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import FrameType

from devkit.errors import DevError
from devkit.process import Program, Running, last_lines

START_SECONDS = 90  # a first start on a small, busy machine; normally two or three
READY_POLL_SECONDS = 0.05
FIRST_PAUSE_SECONDS = 0.2  # a process killed in a trial is back before anybody wonders
LONGEST_PAUSE_SECONDS = 15.0  # a process that cannot start fills neither log nor processor
STEADY_SECONDS = 30.0  # after this long, the next death counts as the first again


class StopRequested(Exception):
    """Somebody pressed Ctrl-C or said ``./dev down`` while things were starting."""


@dataclass
class Member:
    """A program under supervision."""

    program: Program
    running: Running | None = None
    state: str = "starting"  # starting, ready, waiting (to be started again), stopped
    restarts: int = 0
    deaths_in_a_row: int = 0
    started_at: float = 0.0  # monotonic, as is retry_at
    retry_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.state = "starting"
        self.running = Running(self.program)


class Supervisor:
    """One thread; told of everything through ``tell`` (people) and ``changed`` (the run record)."""

    def __init__(self, tell: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.members: list[Member] = []
        self._tell = tell
        self._changed = changed
        self._stop_asked = False
        self._wakeup, self._signalled = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stages: list[list[Member]] = []

    def listen_to_signals(self) -> None:
        """Let SIGINT, SIGTERM and SIGHUP end ``run``, and a child's death wake it."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._signalled, warn_on_full_buffer=False)

    def start(self, programs: Sequence[Program]) -> None:
        """Start these together and return when all are ready; raises as ``await_ready``."""
        self.begin(programs)
        self.await_ready()

    def begin(self, programs: Sequence[Program]) -> None:
        """Start these together, to be stopped together, without waiting for them."""
        stage = [Member(program) for program in programs]
        self._stages.append(stage)
        self.members += stage
        for member in stage:
            self._start(member)

    def await_ready(self) -> None:
        """Return when everything that was begun is ready.

        What runs already stays under supervision meanwhile. Raises DevError if something is not
        ready in time, StopRequested if somebody asked to stop.
        """
        deadline = time.monotonic() + START_SECONDS
        while waiting := [member for member in self.members if member.state != "ready"]:
            if time.monotonic() > deadline or any(m.deaths_in_a_row > 2 for m in waiting):
                raise DevError("\n".join(map(_why_not_ready, waiting)))
            self._turn()
            if self._stop_asked:
                raise StopRequested

    def run(self) -> None:
        """Return when somebody asks to stop."""
        while not self._stop_asked:
            self._turn()

    def stop(self) -> None:
        """End everything, the last started first. A second signal meanwhile ends it by force."""
        self._stop_asked = False
        for stage in reversed(self._stages):
            self._stop_together(member for member in stage if member.running is not None)
        self._changed()

    def _turn(self) -> None:
        """Wait until there is something to do, and do it."""
        self._sleep()
        for member in self.members:
            self._look_after(member)

    def _look_after(self, member: Member) -> None:
        now = time.monotonic()
        if member.state == "waiting":
            if now >= member.retry_at:
                member.restarts += 1
                self._start(member)
        elif member.running is not None and not member.running.alive():
            self._note_death(member, now)
        elif member.state == "starting" and member.running is not None and member.running.ready():
            member.state = "ready"
            self._changed()
            if member.restarts:
                self._tell(f"{member.program.name} is running again")

    def _note_death(self, member: Member, now: float) -> None:
        assert member.running is not None
        member.running.kill()  # what it started may have outlived it
        if now - member.started_at > STEADY_SECONDS:
            member.deaths_in_a_row = 0
        pause = min(FIRST_PAUSE_SECONDS * 2**member.deaths_in_a_row, LONGEST_PAUSE_SECONDS)
        member.deaths_in_a_row += 1
        member.retry_at = now + pause
        member.state = "waiting"
        self._changed()
        ending = _ending(member.running.exit_status())
        self._tell(f"{member.program.name} {ending}; starting it again in {pause:.1f} s")

    def _start(self, member: Member) -> None:
        member.start()
        self._changed()

    def _sleep(self) -> None:
        now = time.monotonic()
        pauses = [m.retry_at - now for m in self.members if m.state == "waiting"]
        pauses += [READY_POLL_SECONDS for m in self.members if m.state == "starting"]
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup, selectors.EVENT_READ)
            if selector.select(max(0.0, min(pauses)) if pauses else None):
                os.read(self._wakeup, 512)

    def _stop_together(self, members: Iterable[Member]) -> None:
        stopping = list(members)
        for member in stopping:
            assert member.running is not None
            member.running.ask_to_stop()
        for member in stopping:
            self._await_end(member)
            member.state = "stopped"

    def _await_end(self, member: Member) -> None:
        running = member.running
        assert running is not None
        deadline = time.monotonic() + member.program.grace_seconds
        while running.alive() and time.monotonic() < deadline and not self._stop_asked:
            time.sleep(READY_POLL_SECONDS)
        if running.alive():
            self._tell(f"{member.program.name} did not end by itself and is killed")
        running.kill()

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_asked = True


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with {status}"


def _why_not_ready(member: Member) -> str:
    name, log = member.program.name, member.program.log
    return f"{name} did not get ready; the end of {log}:\n{last_lines(log)}"
