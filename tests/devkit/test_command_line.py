"""``./dev`` explains itself and says plainly what it cannot do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from devkit.places import ROOT

COMMANDS = ("up", "status", "down", "test", "check", "bench", "migrate", "seed")


def dev(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "dev"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_without_a_command_it_says_what_there_is() -> None:
    said = dev()

    assert said.returncode == 0
    assert all(f"    {command} " in said.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    said = dev(command, "--help")

    assert said.returncode == 0
    assert said.stdout.startswith(f"usage: ./dev {command}")
    assert len(said.stdout.splitlines()) > 4


def test_nothing_running_is_said_and_is_a_failure_for_scripts(tmp_path: Path) -> None:
    people, programs = (
        dev("status", "--state", str(tmp_path)),
        dev("status", "--json", "--state", str(tmp_path)),
    )

    assert people.returncode == 1
    assert "Nothing is running" in people.stdout
    assert programs.returncode == 1
    assert '"running": false' in programs.stdout


def test_stopping_what_does_not_run_is_no_failure(tmp_path: Path) -> None:
    said = dev("down", "--state", str(tmp_path))

    assert said.returncode == 0
    assert "nothing was running" in said.stdout


def test_an_unknown_bench_is_answered_with_the_known_ones() -> None:
    said = dev("bench", "no-such-bench")

    assert said.returncode == 1
    assert "'no-such-bench'; there are edge" in said.stderr
    assert "Traceback" not in said.stderr


def test_without_a_name_the_benches_are_listed() -> None:
    said = dev("bench")

    assert said.returncode == 0
    assert {"ingest", "rush"} <= set(said.stdout.split())
    assert "figures" not in said.stdout


def test_arguments_after_test_reach_pytest_untouched() -> None:
    said = dev("test", "--collect-only", "-q", "-k", "reach_pytest_untouched", "tests/devkit")

    assert said.returncode == 0
    assert "test_arguments_after_test_reach_pytest_untouched" in said.stdout
    assert "1/" in said.stdout
