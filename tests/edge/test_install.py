"""``pip install .[edge]`` on a machine that has nothing else, by each Python that a Pi may have."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from devkit.gate_install import LOCK, gate_python, other_python
from devkit.places import ROOT
from devkit.waiting import wait_until
from tests.edge.central import Central
from tests.edge.gate import PATIENCE, Gate, card

MOST_BYTES = 60_000_000
HARDWARE = ("nfc", "ndef", "serial", "usb1", "smartcard", "evdev", "gpiozero", "lgpio", "picamera2")
DRIVERS = re.compile(r"edge_agent\.(readers|cameras|feedback)\.\w+")

_PACKAGES = """
import importlib.metadata, re
for package in importlib.metadata.distributions():
    print(re.sub("[-_.]+", "-", package.metadata["Name"]).lower())
"""
_IMPORTS = f"""
import importlib, pkgutil, sys
for name in {HARDWARE!r}:
    sys.modules[name] = None
import edge_agent
for module in pkgutil.walk_packages(edge_agent.__path__, "edge_agent."):
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        print(module.name, error.name.split(".")[0])
"""


@pytest.fixture(scope="module", params=["this", "3.13"])
def python(request: pytest.FixtureRequest) -> Path:
    """The interpreter of an environment with the agent and what it asks for."""
    if request.param == "this":
        return gate_python()
    other = other_python(request.param)
    if other is None:
        pytest.skip(f"there is no Python {request.param} on this machine")
    return gate_python(other)


def told(python: Path, script: str) -> list[str]:
    command = [str(python), "-W", "error", "-c", script]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def site_packages(python: Path) -> Path:
    return next(python.parent.parent.glob("lib/python3*/site-packages"))


def locked() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE))


def test_a_gate_gets_what_the_lock_names_and_nothing_of_the_server(python: Path) -> None:
    of_the_environment = {"pip", "setuptools"} - locked()  # unless a library asks for one of them
    installed = set(told(python, _PACKAGES)) - of_the_environment

    assert installed == locked() | {"school-attendance"}
    assert not {name for name in installed if re.match("flask|sqlalchemy|psycopg|boto", name)}


def test_a_gate_needs_less_than_60_mb(python: Path) -> None:
    files = [path for path in site_packages(python).rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < MOST_BYTES


def test_only_a_driver_needs_the_library_of_its_hardware(python: Path) -> None:
    failed = dict(line.split() for line in told(python, _IMPORTS))

    assert "edge_agent.readers.nfcpy" in failed
    assert {name for name in failed if not DRIVERS.fullmatch(name)} == set()
    assert set(failed.values()) <= set(HARDWARE)


def test_an_installed_gate_answers_a_card_and_tells_central(
    python: Path, gate: Gate, prompt_central: Central
) -> None:
    gate.python, gate.home = (str(python), "-W", "error::DeprecationWarning"), gate.folder
    gate.start()

    answer = gate.tap(card(1))
    prompt_central.wait_for(lambda: prompt_central.taps)

    assert (answer["pattern"], answer["seq"]) == ("accept", 1)
    assert wait_until(lambda: not gate.stored(), PATIENCE)
    assert gate.terminate()[0] == 0
    assert "DeprecationWarning" not in gate.logged()


def test_the_lock_of_a_gate_names_what_is_tested() -> None:
    source = (ROOT / "setup.py").read_text()
    wanted = re.search(r"^EDGE = \[(.*?)^\]", source, re.MULTILINE | re.DOTALL)
    assert wanted is not None

    assert pins("requirements-edge.lock") - pins("requirements.lock") == set()
    assert set(re.findall(r'"([a-z0-9-]+)', wanted[1])) <= locked()


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^\S+==\S+", (ROOT / lock).read_text(), re.MULTILINE))
