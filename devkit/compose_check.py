"""Brings the compose file up for real and follows a tap through it, to a message on a phone.

For machines without a Docker engine and without an image registry: a rig script brings podman and
stand-ins for the images that the compose file names. Run by ``scripts/compose_rig_check.sh``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from devkit import rig
from devkit.console import say, step
from devkit.errors import DevError
from devkit.http import answers, get_json, post_json
from devkit.install import ensure_everything
from devkit.places import ROOT, VENV_PYTHON
from devkit.ports import LOOPBACK, free_port
from devkit.process import Program, Running
from devkit.programs import enrolment_of
from devkit.shell import run
from devkit.stack import PYTHON_ENVIRONMENT
from devkit.waiting import wait_until

ENV = "check"  # in container names, so that a deployment on this machine is left alone
SECONDS = 120
PORTS = ("web", "mqtt", "whatsapp", "dashboard", "gates")
TAPS = "taps"
NOTIFICATIONS = "notifications"
UNDELIVERED = "notifications WHERE status NOT IN ('delivered', 'read')"


class Check:
    """One run of the check, with its containers and its gates."""

    def __init__(self, engine: rig.Rig, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._demo = folder / "demo"
        self._ports = {name: free_port() for name in PORTS}
        self._gates: list[Running] = []
        self._history: dict[str, int] = {}

    def settings(self) -> dict[str, str]:
        return {
            "DEPLOY_ENV": ENV,
            "DOCKER_NETWORK": f"net-{ENV}",
            "IMAGE_TAG": ENV,
            "WEB_PORT": str(self._ports["web"]),
            "MQTT_PUBLISHED_PORT": str(self._ports["mqtt"]),
            "MQTT_PUBLIC_PORT": str(self._ports["mqtt"]),
            "WHATSAPP_PORT": str(self._ports["whatsapp"]),
            "RQ_DASHBOARD_PORT": str(self._ports["dashboard"]),
            "PROJECT_FOLDER": str(ROOT),
        }

    def bring_up(self) -> None:
        self._engine.compose(self.settings(), "up", "-d")
        _require(lambda: answers(f"{self._web}/healthz"), "the web does not answer /healthz")
        _require(lambda: answers(f"{self._web}/health"), "/health does not say ready")
        # Before it has subscribed once, the broker keeps nothing for it, and a gate sends again.
        ingest = f"school-attendance-ingest-{ENV}"
        _require(lambda: '"connected"' in self._engine.logs(ingest), "ingest is not connected")

    @property
    def _web(self) -> str:
        return f"http://{LOOPBACK}:{self._ports['web']}"

    def last_words(self) -> str:
        """The end of each process's log, to find out why something did not hold."""
        logs = [
            f"--- {name}\n{self._engine.logs(f'school-attendance-{name}-{ENV}')}"
            for name in ("ingest", "worker", "scheduler", "prepare")
        ]
        return "\n".join([f"--- web\n{self._engine.logs(_container())}", *logs])

    def take_down(self) -> None:
        for running in self._gates:
            running.stop()
        self._engine.compose(self.settings(), "--profile", "dev", "down", "-v")

    def start_gates(self) -> None:
        """The demo school's gates on this machine: emulated readers and the real agents."""
        self._in_container(
            "python",
            *("-m", "central.cli", "seed-demo", "--out", str(self._demo)),
            *("--run", str(self._folder), "--broker", f"localhost:{self._ports['mqtt']}"),
            *("--web", self._web),
            *("--gates-port", str(self._ports["gates"])),
        )
        self._history = {what: self._count(what) for what in (TAPS, NOTIFICATIONS, UNDELIVERED)}
        self._engine.podman("cp", f"{_container()}:{self._demo}", str(self._folder))
        gates_url = f"http://{LOOPBACK}:{self._ports['gates']}/gates"
        config = str(self._demo / "gates.json")
        self._run("gates", ("emulators.gates", "--config", config), lambda _: answers(gates_url))
        for agent in sorted((self._demo / "agents").iterdir()):
            enrolment = (str(VENV_PYTHON), *enrolment_of(agent, self._web))
            run(enrolment, PYTHON_ENVIRONMENT, cwd=ROOT)
            command = ("edge_agent", "run", "--config", str(agent / "agent.toml"))
            self._run(agent.name, command, lambda running: "connected to" in running.output())

    def tap(self, students: Sequence[int]) -> None:
        """Tap these students' cards; each gate must accept at once."""
        for student in students:
            url = f"http://{LOOPBACK}:{self._ports['gates']}/present"
            told = post_json(url, {"gate": "norte", "student": student})
            if not told["read"] or told["feedback"]["verdict"] != "accepted":
                raise DevError(f"the gate did not accept the card: {told}")

    def await_messages(self, taps: int) -> int:
        """Wait until ``taps`` are stored and every message has arrived; how many there are."""
        _require(
            lambda: self._new(TAPS) == taps, f"{taps} taps were made, {self._new(TAPS)} stored"
        )
        _require(lambda: self._new(UNDELIVERED) == 0, "not every message was delivered")
        rows = self._new(NOTIFICATIONS)
        url = f"http://{LOOPBACK}:{self._ports['whatsapp']}/emulator/messages"
        arrived = len(get_json(url)["messages"])
        if rows == 0 or arrived != rows:
            raise DevError(f"{rows} notifications, but {arrived} messages on the phones")
        return rows

    def students(self, count: int) -> list[int]:
        cards: dict[str, Any] = json.loads((self._demo / "cards.json").read_text())
        return [card["student"] for card in cards["cards"][:count]]

    def kill_ingest(self) -> None:
        """SIGKILL, from outside, so that the restart policy has to act."""
        self._engine.kill_main_process(f"school-attendance-ingest-{ENV}")

    def run_documented_commands(self) -> None:
        """What the deployment's instructions tell people to type."""
        self._in_container("alembic", "upgrade", "head")
        self._in_container("npm", "run", "migrate")
        self._in_container("python", "scripts/whatsapp_setup.py", "--validate")
        shown = self._in_container(
            *("python", "-c", "from app.core.config import settings; print(settings.database_url)")
        )
        if "@school-attendance-postgres-" not in shown:
            raise DevError("settings.database_url does not name the database")

    def bring_up_dashboard(self) -> None:
        """The profile for dev and qa, beside what runs already."""
        self._engine.compose(self.settings(), "--profile", "dev", "up", "-d", "rq-dashboard")
        address = f"http://{LOOPBACK}:{self._ports['dashboard']}/"
        _require(lambda: answers(address), "the dashboard does not answer")

    def _in_container(self, *command: str) -> str:
        return self._engine.podman("exec", _container(), *command)

    def _new(self, what: str) -> int:
        """Rows beyond those of the demo school's history."""
        return self._count(what) - self._history[what]

    def _count(self, what: str) -> int:
        owner = ("psql", "-h", "127.0.0.1", "-U", "school_attendance", "-XAtc")
        command = (*owner, f"SELECT count(*) FROM {what}")  # noqa: S608 - the three texts above
        env = ("--env", "PGPASSWORD=school_attendance")
        return int(self._engine.podman("exec", *env, f"school-attendance-postgres-{ENV}", *command))

    def _run(self, name: str, command: Sequence[str], ready: Callable[[Running], bool]) -> None:
        running = Running(
            Program(
                name=name,
                argv=(str(VENV_PYTHON), "-m", *command),
                env=PYTHON_ENVIRONMENT,
                log=self._folder / f"{name}.log",
                ready=ready,
                cwd=ROOT,
            )
        )
        self._gates.append(running)
        running.wait_ready(SECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/compose_rig_check.sh", description=__doc__)
    parser.add_argument(
        "--rig",
        type=Path,
        default=Path(
            os.environ.get("CONTAINER_RIG", ROOT.parent / "shared/tools/container_rig.sh")
        ),
        help="the rig script (also CONTAINER_RIG; default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    try:
        check(rig.Rig(given.rig))
    except DevError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def check(engine: rig.Rig) -> None:
    """Raises DevError at the first thing that does not hold."""
    ensure_everything()
    engine.set_up(ENV)
    folder = Path(tempfile.mkdtemp(prefix="attendance-check-"))
    run = Check(engine, folder)
    try:
        with step("compose up"):
            run.bring_up()
        with step("gates"):
            run.start_gates()
        with step("taps and their messages"):
            run.tap(run.students(3))
            before = run.await_messages(taps=3)
        with step("ingest killed, a tap meanwhile"):
            run.kill_ingest()
            run.tap(run.students(4)[3:])
            after = run.await_messages(taps=4)
        with step("documented commands"):
            run.run_documented_commands()
        with step("dashboard"):
            run.bring_up_dashboard()
    except DevError:
        say(run.last_words())
        raise
    finally:
        with step("compose down"):
            run.take_down()
        shutil.rmtree(folder, ignore_errors=True)
    say(f"4 taps stored once, {after} messages on the phones ({before} before ingest was killed)")


def _container() -> str:
    return f"school-attendance-{ENV}"


def _require(condition: Callable[[], bool], problem: str) -> None:
    if not wait_until(condition, SECONDS):
        raise DevError(problem)


if __name__ == "__main__":
    sys.exit(main())
