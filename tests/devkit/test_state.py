"""What a stack keeps between runs, and how a run that was cut short is recognised."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devkit.proc import Identity
from devkit.stamps import Stamp
from devkit.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


def test_ports_stay_the_same_between_runs(state: State) -> None:
    first = state.ports(["redis", "postgres"], {})

    assert state.ports(["redis", "postgres"], {}) == first


def test_a_port_that_was_taken_meanwhile_is_replaced(state: State) -> None:
    first = state.ports(["redis"], {})["redis"]

    with socket.create_server(("127.0.0.1", first)):
        second = state.ports(["redis"], {})["redis"]

    assert second != first


def test_the_wish_for_a_port_is_met_by_the_next_free_one(state: State) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wish = taken.getsockname()[1]

        assert state.ports([], {"web": wish})["web"] > wish

    assert state.ports([], {"web": wish})["web"] == wish


def test_a_secret_is_made_once_and_is_private(state: State) -> None:
    secret = state.secret("key")

    assert state.secret("key") == secret
    assert state.secret("other") != secret
    assert (state.folder / "secrets" / "key").stat().st_mode & 0o777 == 0o600


def test_a_run_is_recorded_privately_and_found_while_its_process_lives(state: State) -> None:
    assert state.run() is None

    state.write_run({"ready": True, "processes": []})

    run = state.run()
    assert run is not None
    assert run["ready"]
    assert (state.folder / "run.json").stat().st_mode & 0o777 == 0o600


def test_another_process_with_the_same_number_is_not_our_run(state: State) -> None:
    state.write_run({"processes": []})
    file = state.folder / "run.json"
    record = json.loads(file.read_text())
    record["supervisor"][1] -= 1
    file.write_text(json.dumps(record))

    assert state.run() is None


def test_what_a_run_that_was_cut_short_has_left_is_ended(state: State) -> None:
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    processes = [{"name": "left", "identity": Identity.of(left.pid)}]
    gone = Identity(pid=os.getpid(), start_time=1)
    (state.folder / "run.json").write_text(json.dumps({"supervisor": gone, "processes": processes}))

    assert state.sweep_stale_run() == ["left"]

    assert left.wait(10) == -9
    assert state.sweep_stale_run() == []


def test_logs_of_the_last_run_are_kept_beside_the_new_ones(state: State) -> None:
    state.logs.mkdir()
    state.log("web").write_text("last run")

    state.rotate_logs()

    assert not state.log("web").exists()
    assert (state.logs / "web.log.1").read_text() == "last run"


def test_a_stamp_is_current_until_an_input_changes(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "a.js").write_text("1")

    def stamp() -> Stamp:
        return Stamp(tmp_path / "stamp", [sources, tmp_path / "missing"])

    assert not stamp().is_current()
    stamp().set()
    assert stamp().is_current()

    (sources / "b.js").write_text("")
    assert not stamp().is_current()
    stamp().set()
    (sources / "a.js").write_text("2")
    assert not stamp().is_current()
