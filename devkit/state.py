"""What one running stack leaves on disk: data, secrets, ports, logs, and the record of its run."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devkit.places import secret_in, write_private
from devkit.ports import first_free, free_port, is_free
from devkit.proc import Identity, kill_family
from devkit.waiting import wait_until

STOP_SECONDS = 60


@dataclass(frozen=True)
class State:
    """A state folder. Each has its own data and ports, so two stacks can run side by side."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def demo(self) -> Path:
        """What seeding writes: cards, accounts, the agents' configuration."""
        return self.folder / "demo"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def secret(self, name: str) -> str:
        """A secret of this name, made up on first use."""
        return secret_in(self.folder / "secrets" / name)

    def rotate_logs(self) -> None:
        """Keep the last run's logs beside this run's."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for log in self.logs.glob("*.log"):
            log.replace(log.with_name(f"{log.name}.1"))

    def ports(self, names: Sequence[str], wishes: Mapping[str, int]) -> dict[str, int]:
        """The port of each name: those of the stack that runs; else free ones, kept for later.

        One with a wish gets that or the next free port; another its last one if that is free.
        """
        file = self.folder / "ports.json"
        known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        if self.run() is not None:
            return known
        chosen = {name: first_free(wish) for name, wish in wishes.items()}
        for name in names:
            last = known.get(name)
            chosen[name] = last if last is not None and is_free(last) else free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(file, json.dumps(chosen))
        return chosen

    def clear(self) -> None:
        """Forget everything but installs, ports and logs."""
        for folder in (self.data, self.demo, self.folder / "secrets"):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _run_file(self) -> Path:
        return self.folder / "run.json"

    def write_run(self, run: dict[str, Any]) -> None:
        """Record the run of this process."""
        write_private(self._run_file, json.dumps({"supervisor": Identity.of(os.getpid()), **run}))

    def forget_run(self) -> None:
        self._run_file.unlink(missing_ok=True)

    def run(self) -> dict[str, Any] | None:
        """The record of the stack that runs now; None when none does."""
        record = self._record()
        return record if record is not None and _supervisor(record).runs() else None

    def sweep_stale_run(self) -> list[str]:
        """End what a run that was cut short has left; the names of those processes."""
        record = self._record()
        if record is None or _supervisor(record).runs():
            return []
        left = {process["name"]: Identity(*process["identity"]) for process in record["processes"]}
        left = {name: identity for name, identity in left.items() if identity.runs()}
        for identity in left.values():
            kill_family(identity.pid)
        wait_until(lambda: not any(identity.runs() for identity in left.values()), 10)
        self.forget_run()
        return list(left)

    def stop_run(self) -> bool:
        """Ask the stack that runs to stop and wait for it; False if none runs."""
        record = self.run()
        if record is None:
            return False
        supervisor = _supervisor(record)
        os.kill(supervisor.pid, signal.SIGTERM)
        if not wait_until(lambda: not supervisor.runs(), STOP_SECONDS):
            supervisor.kill()
            wait_until(lambda: not supervisor.runs(), 5)
        return True

    def _record(self) -> dict[str, Any] | None:
        try:
            record: dict[str, Any] = json.loads(self._run_file.read_text())
        except FileNotFoundError:
            return None
        return record


def _supervisor(record: dict[str, Any]) -> Identity:
    return Identity(*record["supervisor"])
