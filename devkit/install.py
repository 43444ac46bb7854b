"""Everything that a clean clone lacks: Python packages, servers, browser sources, catalogues.

Each step is skipped when nothing it depends on has changed, so calling it again costs nothing.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devkit import frontend, packages
from devkit.console import say, step
from devkit.debian import find, tool
from devkit.errors import DevError
from devkit.places import INSTALLED, ROOT, VENV, VENV_PYTHON
from devkit.shell import run
from devkit.stamps import Stamp

TRANSLATIONS = ROOT / "central" / "web" / "translations"

SERVERS = {"mosquitto": "mosquitto", "redis-server": "redis-server"}  # program → Debian package


@dataclass(frozen=True)
class Step:
    """Something to be done once for each state of its inputs."""

    title: str
    inputs: tuple[Path, ...]
    made: Path  # missing means that it has to be done again, whatever the inputs say
    do: Callable[[], None]

    def ensure(self) -> None:
        stamp = Stamp(INSTALLED / "stamps" / self.made.name, self.inputs)
        if self.made.exists() and stamp.is_current():
            return
        with step(self.title):
            self.do()
        stamp.set()


PYTHON = Step("Python packages", (packages.LOCK,), VENV_PYTHON, packages.install)
CATALOGUES = Step(
    "translations",
    tuple(sorted(TRANSLATIONS.glob("*/LC_MESSAGES/*.po"))),
    TRANSLATIONS / "es" / "LC_MESSAGES" / "messages.mo",
    lambda: _compile_catalogues(),
)
NODE_MODULES = Step(
    "browser packages",
    (frontend.LOCK,),
    frontend.MODULES / ".package-lock.json",
    frontend.install,
)
FRONTEND = Step(
    "browser sources",
    (frontend.LOCK, frontend.SOURCES, *frontend.NAMING_ICONS),
    frontend.BUILT,
    frontend.build,
)


def ensure_python() -> None:
    """What ``./dev check`` needs."""
    _require_linux()
    with _alone():
        PYTHON.ensure()


def ensure_everything() -> None:
    """What ``./dev up`` and ``./dev test`` need."""
    _require_linux()
    with _alone():
        for needed in (PYTHON, NODE_MODULES, FRONTEND, CATALOGUES):
            needed.ensure()
        _ensure_servers()


def _require_linux() -> None:
    if sys.platform != "linux":
        raise DevError("./dev runs on Linux (x86_64 or arm64) only; elsewhere use a container.")


def _ensure_servers() -> None:
    missing = [name for name in SERVERS if find(name) is None]
    if missing:
        with step("Mosquitto and Redis"):
            for name in missing:
                tool(name, SERVERS[name])


def _compile_catalogues() -> None:
    run((str(VENV / "bin" / "pybabel"), "compile", "-d", str(TRANSLATIONS)), {"LC_ALL": "C.UTF-8"})


@contextmanager
def _alone() -> Iterator[None]:
    """Two commands started together install once; the second says what it waits for."""
    INSTALLED.mkdir(exist_ok=True)
    with (INSTALLED / "install.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  waiting for another ./dev that is installing")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
