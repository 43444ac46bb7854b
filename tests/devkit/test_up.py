"""``./dev up`` brings up the whole system, keeps it up, and takes it down without a trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devkit.http import answers, get_json, post_json
from devkit.places import ROOT
from devkit.proc import is_running
from devkit.state import State
from devkit.waiting import wait_until

pytestmark = pytest.mark.slow
SECONDS = 120


class System:
    """The system in a state folder of its own, by the command line."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder)

    def dev(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "dev", command, "--state", str(self.state.folder), *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.dev("status", "--json").stdout)
        return told

    def processes(self) -> dict[str, dict[str, Any]]:
        return {process["name"]: process for process in self.status()["processes"]}


@pytest.fixture(scope="module")
def system(server_folder: Path) -> Iterator[System]:
    system = System(server_folder / "up")
    started = system.dev("up", "--detach")
    assert started.returncode == 0, started.stdout + started.stderr
    yield system
    system.dev("down")


def test_everything_is_ready_and_said_on_one_screen(system: System) -> None:
    status = system.status()

    assert status["ready"]
    assert {"web", "ingest", "worker", "scheduler", "postgres", "redis", "mosquitto"} < {
        process["name"] for process in status["processes"]
    }
    assert len([name for name in system.processes() if name.startswith("agent-")]) == 2
    assert {account["role"] for account in status["accounts"]} > {"director", "inspector"}
    assert answers(f"http://127.0.0.1:{status['web_port']}/health")
    screen = system.dev("status").stdout
    for expected in (*status["urls"].values(), status["accounts"][0]["password"], status["logs"]):
        assert expected in screen


def test_a_tap_at_a_gate_reaches_a_guardians_phone(system: System) -> None:
    ports = json.loads((system.state.folder / "ports.json").read_text())
    card = json.loads((system.state.demo / "cards.json").read_text())["cards"][0]
    phones = f"http://127.0.0.1:{ports['whatsapp']}/emulator/messages"

    told = post_json(
        f"http://127.0.0.1:{ports['gates']}/present", {"gate": "norte", "student": card["student"]}
    )

    assert told["feedback"]["verdict"] == "accepted"
    assert wait_until(lambda: bool(get_json(phones)["messages"]), 30)


def test_a_second_up_says_that_one_runs_already(system: System) -> None:
    second = system.dev("up")

    assert second.returncode == 1
    assert "running already" in second.stderr
    assert system.status()["ready"]


def test_a_process_that_is_killed_comes_back(system: System) -> None:
    killed = system.processes()["ingest"]

    os.kill(killed["pid"], signal.SIGKILL)

    def back() -> bool:
        now = system.processes()["ingest"]
        return bool(now["state"] == "ready" and now["pid"] != killed["pid"])

    assert wait_until(back, 30)
    assert system.processes()["ingest"]["restarts"] == 1
    assert "ingest was ended by SIGKILL" in system.state.log("supervisor").read_text()


def test_nothing_private_is_readable_by_others(system: System) -> None:
    def is_open(path: Path) -> bool:
        return bool(path.stat().st_mode & 0o077)

    private = [system.state.folder / "run.json", system.state.folder / "whatsapp.json"]
    private += [path for path in (system.state.folder / "secrets").iterdir() if path.is_file()]

    assert len(private) > 5
    assert [path for path in private if is_open(path)] == []


def test_no_process_is_left_when_the_supervisor_is_killed_and_it_starts_again(
    system: System,
) -> None:
    status = system.status()
    pids = [process["pid"] for process in status["processes"]]

    os.kill(status["supervisor"]["pid"], signal.SIGKILL)

    assert wait_until(lambda: not any(map(is_running, pids)), 20)
    assert not system.status()["running"]
    assert system.dev("up", "--detach").returncode == 0
    assert system.status()["ready"]


def test_down_leaves_no_process_and_fresh_starts_over(system: System) -> None:
    status = system.status()
    key = (system.state.demo / "site.key").read_text()

    assert system.dev("down").returncode == 0

    assert not any(is_running(process["pid"]) for process in status["processes"])
    assert system.dev("up", "--detach", "--fresh").returncode == 0
    assert system.status()["web_port"] == status["web_port"]
    assert (system.state.demo / "site.key").read_text() != key
