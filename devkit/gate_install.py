"""The agent as a Pi has it: ``pip install .[edge]`` into an empty environment, nothing else.

Tests and benches run it, because the developer's environment holds much that a gate does not, and
imports find it. Kept in ``.dev/gate-<version>`` and made anew when the lock has changed; the
project itself is installed each time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devkit import packages
from devkit.places import INSTALLED, ROOT
from devkit.stamps import Stamp

LOCK = ROOT / "requirements-edge.lock"
_SOURCES = ("contracts", "central", "edge_agent", "emulators", "firmware_config")
_FILES = ("setup.py", "pyproject.toml", "MANIFEST.in")
_NOT_OURS = shutil.ignore_patterns("__pycache__", "node_modules")


def gate_python(python: Path = Path(sys.executable)) -> Path:
    """The interpreter of an environment made by ``python`` with the agent in it.

    Raises DevError.
    """
    folder = INSTALLED / f"gate-{_version(python)}"
    with _alone(folder):
        stamp = Stamp(INSTALLED / "stamps" / folder.name, (LOCK,))
        ours = folder / "bin" / "python"
        if not (ours.exists() and stamp.is_current()):
            packages.make_environment(folder, python)
        with tempfile.TemporaryDirectory(prefix="school-gate-") as name:
            source = _copy_of_sources(Path(name))
            packages.install_locked(ours, source, "edge", LOCK)
        stamp.set()
    return ours


def other_python(version: str) -> Path | None:
    """An interpreter of another version, such as "3.13", if this machine has one that works."""
    name = f"python{version}"
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(name)
    found = [] if on_path is None else [Path(on_path)]
    found += sorted(versions.glob(f"{version}*/bin/{name}"))
    return next((path for path in found if packages.works(path)), None)


def _version(python: Path) -> str:
    told = "import sys; print('{}.{}.{}'.format(*sys.version_info[:3]))"
    done = subprocess.run([str(python), "-c", told], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _copy_of_sources(folder: Path) -> Path:
    """Setuptools builds inside the source folder; ours stays as it is."""
    for name in _SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=_NOT_OURS)
    for name in _FILES:
        shutil.copy2(ROOT / name, folder / name)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    INSTALLED.mkdir(exist_ok=True)
    with folder.with_suffix(f"{folder.suffix}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
