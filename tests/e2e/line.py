"""A whole line of its own, as ``./dev up`` runs it: started, tapped, killed in parts, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Final, Self

import requests
from sqlalchemy import Engine, create_engine, text

ROOT: Final = Path(__file__).parent.parent.parent
START_SECONDS: Final = 180
TAP_SECONDS: Final = 30
PACE_SECONDS: Final = 0.25  # between two children of a gate: as in a rush, and not all at once


@dataclass(frozen=True, slots=True)
class Beep:
    """A tap that the child was told is kept."""

    device: str
    seq: int
    student: int


class Line:
    """A running stack whose state is in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._state = ("--state", str(folder))
        self._http = requests.Session()

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Self]:
        line = cls(folder)
        line._dev("up", "--detach")
        try:
            yield line
        finally:
            line.database.dispose()
            line._dev("down")

    def _dev(self, command: str, *options: str) -> str:
        done = subprocess.run(
            [sys.executable, "dev", command, *options, *self._state],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0 or command == "status", done.stdout + done.stderr
        return done.stdout

    # --- what there is

    def record(self) -> dict[str, Any]:
        """What ``./dev status --json`` says now."""
        return dict(json.loads(self._dev("status", "--json")))

    @cached_property
    def urls(self) -> dict[str, str]:
        return dict(self.record()["urls"])

    @property
    def origin(self) -> str:
        return self.urls["app"].removesuffix("/app/")

    def account(self, role: str) -> tuple[str, str]:
        accounts = {account["role"]: account for account in self.record()["accounts"]}
        return accounts[role]["email"], accounts[role]["password"]

    @cached_property
    def database(self) -> Engine:
        """The line's database as its owner. Survives a restart of the server."""
        url = self.record()["services"]["database_url"]
        return create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True
        )

    def rows(self, query: str, **values: object) -> list[Any]:
        with self.database.connect() as connection:
            return list(connection.execute(text(query), values))

    def messages(self) -> list[dict[str, Any]]:
        """Everything that the emulated provider took."""
        answer = self._http.get(f"{self.urls['phones']}emulator/messages", timeout=10)
        return list(answer.json()["messages"])

    # --- what one does with it

    def tap(self, gate: str, student: int) -> Beep | None:
        """Tap a student's card; None when the child got no sign that the tap is kept."""
        try:
            answer = self._http.post(
                f"{self.origin}/dev/taps",
                json={"gate": gate, "student": student},
                timeout=TAP_SECONDS,
            )
        except requests.RequestException:
            return None  # the web was killed: what became of the tap is not known here
        feedback = answer.json().get("feedback") if answer.ok else None
        if not feedback or feedback["pattern"] != "accept":
            return None
        return Beep(f"demo-{gate}", feedback["seq"], student)

    def present(self, gate: str, card: str) -> dict[str, Any]:
        """Hold a card of the staff to a gate's reader, without central: what was answered."""
        gates = json.loads((Path(self.record()["demo"]) / "gates.json").read_text())
        answer = self._http.post(
            f"http://127.0.0.1:{gates['http_port']}/present",
            json={"gate": gate, "card": card},
            timeout=TAP_SECONDS,
        )
        return dict(answer.json()["feedback"])

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """A process and its children that hang: nobody restarts them, and they answer nothing."""
        group = self.process(name)["pid"]
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def kill(self, name: str) -> None:
        """SIGKILL one process of the line; return when the supervisor has it running again."""
        before = self.process(name)
        os.kill(before["pid"], signal.SIGKILL)
        self.wait_for(
            lambda: self._restarted(name, before["restarts"]), f"{name} was not started again"
        )

    def _restarted(self, name: str, restarts: int) -> bool:
        process = self.process(name)
        return bool(process["state"] == "ready" and process["restarts"] > restarts)

    def process(self, name: str) -> dict[str, Any]:
        processes: list[dict[str, Any]] = self.record()["processes"]
        return next(process for process in processes if process["name"] == name)

    def wait_for(self, condition: Callable[[], Any], otherwise: str, seconds: float = 90) -> None:
        """Return once ``condition`` holds. Fails with ``otherwise`` when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, otherwise
            Event().wait(0.1)  # between looks, not instead of them


@dataclass
class Children:
    """A thread of children tapping at one gate, each once, until told to stop."""

    line: Line
    gate: str
    students: Iterator[int]
    beeps: list[Beep] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _enough: Event = field(default_factory=Event)

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._tap_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join(TAP_SECONDS)

    def _tap_on(self) -> None:
        for student in self.students:
            if self._enough.wait(PACE_SECONDS):
                return
            beep = self.line.tap(self.gate, student)
            if beep is not None:
                with self._lock:
                    self.beeps.append(beep)

    def beep_on(self, more: int) -> None:
        """Return when this many more children have been told that their tap is kept."""
        wanted = self.count() + more
        self.line.wait_for(lambda: self.count() >= wanted, f"nobody beeps at {self.gate}")

    def count(self) -> int:
        with self._lock:
            return len(self.beeps)
