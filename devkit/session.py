"""One run of a stack: started in order, recorded, supervised, stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

from devkit import programs
from devkit.console import note, step
from devkit.proc import Identity
from devkit.stack import DATABASE, Stack
from devkit.state import State
from devkit.supervisor import Member, StopRequested, Supervisor


class Session:
    """Runs the stack of ``state`` in this process until a signal or ``./dev down``."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._stack = Stack(state)
        self._supervisor = Supervisor(tell=note, changed=self._write_record)

    def run(self, when_ready: Callable[[dict[str, Any]], None]) -> None:
        """Call ``when_ready`` with the run's record once all is ready; return when stopped."""
        self._supervisor.listen_to_signals()
        try:
            self._start_everything()
            when_ready(self._record())
            self._supervisor.run()
        except StopRequested:
            note("stopped while starting")
        finally:
            with step("stopping everything"):
                self._supervisor.stop()
            self._state.forget_run()

    def _start_everything(self) -> None:
        supervisor, stack = self._supervisor, self._stack
        shutil.rmtree(stack.run_folder, ignore_errors=True)  # the last run's sockets and figures
        stack.run_folder.mkdir(mode=0o700, parents=True)
        with step("PostgreSQL and Redis"):
            supervisor.start([server.prepare() for server in (stack.postgres, stack.redis)])
        with step("schema"):
            programs.migrate_if_changed(stack)
        with step("demo school, broker, central and emulators"):
            supervisor.begin([stack.mosquitto.prepare()])  # ready when central has written for it
            supervisor.begin([programs.whatsapp(stack), *programs.central(stack)])
            programs.seed(stack)
            supervisor.start([programs.gates(stack)])
        with step("gates"):
            programs.enrol(stack)
            supervisor.start(programs.agents(stack))

    def _write_record(self) -> None:
        self._state.write_run(self._record())

    def _record(self) -> dict[str, Any]:
        stack = self._stack
        return {
            "ready": bool(self._supervisor.members)
            and all(member.state == "ready" for member in self._supervisor.members),
            "urls": stack.urls(),
            "web_port": stack.ports["web"],
            "accounts": _accounts(stack),
            "processes": [_process(member) for member in self._supervisor.members],
            "services": {
                "database_url": stack.postgres.url(DATABASE),
                "redis_url": stack.redis.url(),
                "mqtt": {
                    "host": stack.mosquitto.host,
                    "port": stack.mosquitto.port,
                    "folder": str(stack.mosquitto.folder),
                },
            },
            "logs": str(self._state.logs),
            "demo": str(self._state.demo),
        }


def _process(member: Member) -> dict[str, Any]:
    running = member.running if member.state in ("starting", "ready") else None
    return {
        "name": member.program.name,
        "pid": running.pid if running else None,
        "identity": Identity.of(running.pid) if running else None,
        "state": member.state,
        "restarts": member.restarts,
        "log": str(member.program.log),
    }


def _accounts(stack: Stack) -> list[dict[str, str]]:
    try:
        accounts: list[dict[str, str]] = json.loads(
            (stack.state.demo / "accounts.json").read_text()
        )
    except FileNotFoundError:
        return []  # before the first seeding
    return accounts
