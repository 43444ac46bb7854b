"""Programs and their running processes, each in a process group of its own."""

from __future__ import annotations

import atexit
import functools
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devkit import guard
from devkit.errors import DevError
from devkit.places import ROOT
from devkit.proc import Identity, descendants, kill_family
from devkit.waiting import wait_until

KILL_SECONDS = 5  # the kernel needs milliseconds; more only under heavy load


@dataclass(frozen=True)
class Program:
    """How to run something and how to tell that it is ready to be used."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]  # all of it: nothing is inherited
    log: Path
    ready: Callable[[Running], bool]
    cwd: Path = Path("/")
    user: str | None = None  # run as somebody else; root only
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10


class Running:
    """One process of a program. Dies with this process, whatever ends it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._family: list[Identity] = []
        with program.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                program.argv,
                env=dict(program.env),
                cwd=program.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=program.user,
                group=pwd.getpwnam(program.user).pw_gid if program.user else None,
                extra_groups=[] if program.user else None,
            )
        _guard().watch(self.pid)

    @property
    def pid(self) -> int:
        """Also the id of its process group."""
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def exit_status(self) -> int | None:
        """As the shell's, negative for a signal; None while it runs."""
        return self._process.poll()

    def output(self) -> str:
        """What this process has written to its log so far."""
        with self.program.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def ready(self) -> bool:
        return self.alive() and self.program.ready(self)

    def wait_ready(self, seconds: float) -> None:
        """Return once it can be used. Raises DevError with the end of its log if it cannot be."""
        wait_until(lambda: not self.alive() or self.ready(), seconds)
        if self.ready():
            return
        outcome = "did not get ready" if self.alive() else f"ended with {self.exit_status()}"
        self.kill()
        raise DevError(f"{self.program.name} {outcome}\n{last_lines(self.program.log)}")

    def ask_to_stop(self) -> None:
        if self.alive():
            self._family = descendants(self.pid)  # unknown once it has gone without them
            self.send(self.program.stop_signal)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)  # does nothing once it has ended

    def stop(self) -> None:
        """End it in an orderly way, or by force when its grace is over."""
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.program.grace_seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to it and to all that it started; return when they are gone."""
        family = self._family + kill_family(self.pid)
        for member in self._family:
            member.kill()
        self._process.wait()
        wait_until(lambda: not any(member.runs() for member in family), KILL_SECONDS)
        _guard().forget(self.pid)


class _Guard:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-m", guard.__name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        atexit.register(self._dismiss)

    def watch(self, group: int) -> None:
        self._say(f"+{group}\n")

    def forget(self, group: int) -> None:
        self._say(f"-{group}\n")

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)

    def _dismiss(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@functools.cache
def _guard() -> _Guard:
    return _Guard()


def last_lines(log: Path, count: int = 20) -> str:
    """The end of a log, for a message that says why something failed."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
