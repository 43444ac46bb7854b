"""The project's virtual environment, exactly as the lock file says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from devkit.errors import DevError
from devkit.places import ROOT, VENV, VENV_PYTHON
from devkit.shell import inherited, run

LOCK = ROOT / "requirements.lock"
UV_LOCK = ROOT / "requirements-uv.lock"
TOOLS = ROOT / ".tools"


def install() -> None:
    """Make the environment and bring it to what ``LOCK`` names, no more and no less."""
    if not works(VENV_PYTHON):
        make_environment(VENV, Path(sys.executable))
    sync = ("pip", "sync", "--require-hashes", "--python", str(VENV_PYTHON), str(LOCK))
    if not _uv_managed(*sync):
        _run_pip(LOCK)


def add(lock: Path) -> None:
    """Install what ``lock`` names beside what is there."""
    options = ("--require-hashes", "--python", str(VENV_PYTHON), "-r", str(lock))
    if not _uv_managed("pip", "install", *options):
        _run_pip(lock)


def install_locked(python: Path, source: Path, extra: str, lock: Path) -> None:
    """Install the project in ``source`` with ``extra`` for ``python``, in the versions of ``lock``.

    Compiled at once, as pip does: what a first import compiles takes memory for ever.
    """
    names = (f"{source}[{extra}]", "--constraint", str(lock))
    options = ("--compile-bytecode", "--reinstall-package", "school-attendance")
    if _uv_managed("pip", "install", "--python", str(python), *options, *names):
        return
    # pip wants a hash for each requirement once one has a hash; a folder can have none.
    pip = (str(python), "-m", "pip", "install", "--quiet")
    run((*pip, "--require-hashes", "-r", str(lock)), inherited(), cwd=ROOT)
    run((*pip, "--no-deps", "--force-reinstall", str(source)), inherited(), cwd=ROOT)


def _uv_managed(*arguments: str) -> bool:
    """Whether uv is there and did it; pip, which is slower, may be set up where uv is not."""
    uv = _uv()
    if uv is None:
        return False
    try:
        _run_uv(uv, *arguments)
    except DevError:
        return False
    return True


def _run_uv(uv: Path, *arguments: str) -> None:
    """Trusting whom the machine trusts: a school's network may have an authority of its own."""
    run((str(uv), *arguments), inherited() | {"UV_SYSTEM_CERTS": "true"}, cwd=ROOT)


def _run_pip(lock: Path) -> None:
    pip = (str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes")
    run((*pip, "-r", str(lock)), inherited(), cwd=ROOT)


def make_environment(folder: Path, python: Path) -> None:
    """An empty virtual environment of ``python`` in ``folder``, whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run(
        [str(python), "-m", "venv", str(folder)], capture_output=True, check=False
    )
    if made.returncode == 0:
        return
    # Debian keeps ensurepip in a package of its own (python3-venv) that is often missing.
    shutil.rmtree(folder, ignore_errors=True)
    uv = _uv()
    if uv is None:
        raise DevError(
            f"{python} can make no virtual environment: install python3-venv or python3-pip"
        )
    _run_uv(uv, "venv", "--python", str(python), str(folder))


def _uv() -> Path | None:
    """uv from PATH, else from a folder of our own; None if neither can be had."""
    on_path = shutil.which("uv")
    if on_path is not None:
        return Path(on_path)
    own = TOOLS / "bin" / "uv"
    if works(own):
        return own
    python = VENV_PYTHON if works(VENV_PYTHON) else Path(sys.executable)
    # --target also works where the system's Python is marked as externally managed (PEP 668).
    target = ("--target", str(TOOLS), "--upgrade", "--quiet", "--require-hashes")
    pip = (str(python), "-m", "pip", "install", *target, "-r", str(UV_LOCK))
    done = subprocess.run(pip, capture_output=True, check=False)
    return own if done.returncode == 0 else None


def works(program: Path) -> bool:
    """Whether it can be run at all: a leftover of a deleted Python cannot."""
    try:
        done = subprocess.run([str(program), "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
