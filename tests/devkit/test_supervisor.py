"""The supervisor restarts what dies, stops all, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from devkit.places import ROOT
from devkit.proc import is_running
from devkit.waiting import wait_until

SECONDS = 20

# A parent with a child in the same group and a grandchild in a session of its own, as web and
# database servers have them.
FAMILY = """
import subprocess, sys, time
nap = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(nap)
loner = subprocess.Popen(nap, start_new_session=True)
print("family", child.pid, loner.pid, flush=True)
time.sleep(600)
"""

SUPERVISES = """
import json, sys
from pathlib import Path
from devkit.process import Program
from devkit.supervisor import Supervisor

folder = Path(sys.argv[1])
codes = json.loads(sys.argv[2])

def program(name, code):
    return Program(
        name=name,
        argv=(sys.executable, "-c", code),
        env={},
        log=folder / f"{name}.log",
        ready=lambda running: "family" in running.output(),
        grace_seconds=2,
    )

def changed():
    states = [
        {"name": m.program.name, "pid": m.running and m.running.pid, "state": m.state,
         "restarts": m.restarts}
        for m in supervisor.members
    ]
    draft = folder / "states.new"
    draft.write_text(json.dumps(states))
    draft.rename(folder / "states.json")

supervisor = Supervisor(tell=lambda text: print(text, flush=True), changed=changed)
supervisor.listen_to_signals()
try:
    supervisor.start([program(name, code) for name, code in codes.items()])
    print("all ready", flush=True)
    supervisor.run()
finally:
    supervisor.stop()
"""


class Supervised:
    """A supervisor in a process of its own."""

    def __init__(self, folder: Path, codes: dict[str, str]) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISES, str(folder), json.dumps(codes)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def said(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def member(self, name: str) -> dict[str, Any]:
        states = json.loads((self.folder / "states.json").read_text())
        return next(state for state in states if state["name"] == name)

    def family(self, name: str) -> list[int]:
        """The program's processes: itself, its child, and the one in its own session."""
        said = (self.folder / f"{name}.log").read_text().splitlines()[-1].split()
        return [self.member(name)["pid"], *map(int, said[1:])]

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    running = Supervised(tmp_path, {"one": FAMILY, "two": FAMILY})
    assert running.said.readline() == "all ready\n"
    yield running
    running.end()


def test_a_program_that_dies_is_started_again_and_it_is_said(supervised: Supervised) -> None:
    first = supervised.family("one")

    subprocess.run(["kill", "-KILL", str(first[0])], check=True)

    assert supervised.said.readline() == ("one was ended by SIGKILL; starting it again in 0.2 s\n")
    assert supervised.said.readline() == "one is running again\n"
    second = supervised.member("one")
    assert second["pid"] != first[0]
    assert second["state"] == "ready"
    assert second["restarts"] == 1
    assert supervised.member("two")["restarts"] == 0
    assert not is_running(first[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_supervisor_leaves_no_process(
    supervised: Supervised, number: signal.Signals
) -> None:
    families = supervised.family("one") + supervised.family("two")
    assert all(map(is_running, families))

    supervised.process.send_signal(number)
    supervised.process.wait(SECONDS)

    assert not any(map(is_running, families))
    assert supervised.process.returncode == 0


def test_a_killed_supervisor_leaves_no_process(supervised: Supervised) -> None:
    families = supervised.family("one") + supervised.family("two")

    supervised.process.kill()

    assert wait_until(lambda: not any(map(is_running, families)), SECONDS)


def test_a_program_that_cannot_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = Supervised(tmp_path, {"fine": FAMILY, "broken": "raise SystemExit('no such port')"})

    _, errors = broken.process.communicate(timeout=SECONDS)

    assert broken.process.returncode == 1
    assert "broken did not get ready" in errors
    assert "no such port" in errors
    assert not is_running(broken.member("fine")["pid"])
    assert broken.member("fine")["state"] == "stopped"


def test_a_program_that_ignores_being_asked_is_ended_by_force(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAMILY
    stubborn = Supervised(tmp_path, {"deaf": deaf})
    assert stubborn.said.readline() == "all ready\n"
    family = stubborn.family("deaf")

    stubborn.process.send_signal(signal.SIGTERM)
    said, _ = stubborn.process.communicate(timeout=SECONDS)

    assert "deaf did not end by itself and is killed" in said
    assert not any(map(is_running, family))
