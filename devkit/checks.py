"""``./dev test``, ``check`` and ``bench``."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from devkit import chromium, debian
from devkit.console import say
from devkit.errors import DevError
from devkit.install import ensure_everything, ensure_python
from devkit.places import ROOT, VENV, VENV_PYTHON
from devkit.shell import inherited

TYPED = (
    *("contracts", "edge_agent", "central", "emulators", "firmware_config", "app"),
    *("devkit", "scripts", "tests", "bench", "dev"),
)

SCRIPTS = ("scripts", "firmware_config")


def test(arguments: Sequence[str]) -> int:
    """Install what is missing and run pytest; its exit status."""
    ensure_everything()
    browser = chromium.ensure()
    if browser is None and "CI" in os.environ:
        raise DevError(f"{chromium.WITHOUT}. Under CI that is a failure.")
    status = _in_project(str(VENV_PYTHON), "-m", "pytest", *arguments)
    if browser is None:
        say(chromium.WITHOUT)
    return status


def check() -> int:
    """Format, lint, types, shell scripts and the compose file; how many of them failed."""
    ensure_python()
    scripts = [
        *(str(path) for folder in SCRIPTS for path in sorted((ROOT / folder).rglob("*.sh"))),
        *("scripts/rig/weed", ".ci/run"),
    ]
    commands: dict[str, Sequence[str]] = {
        "format": (str(VENV / "bin" / "ruff"), "format", "--check", "."),
        "lint": (str(VENV / "bin" / "ruff"), "check", "."),
        "types": (str(VENV / "bin" / "mypy"), *(path for path in TYPED if _has_python(path))),
        "shell scripts": (_shellcheck(), *scripts),
        "compose file": (str(VENV_PYTHON), "-m", "pytest", "-q", "tests/devkit/test_deployment.py"),
    }
    failed = []
    for title, command in commands.items():
        if shutil.which(command[0]) is None:
            say(f"{title}: not checked, {command[0]} is not installed")
            continue
        say(f"{title}: {' '.join(command)}".replace(f"{VENV}/bin/", ""))
        if _in_project(*command) != 0:
            failed.append(title)
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return len(failed)


def _shellcheck() -> str:
    """From PATH or from Debian's package; its bare name where there is neither."""
    try:
        return str(debian.tool("shellcheck", "shellcheck").path)
    except DevError:
        return "shellcheck"


def bench(name: str | None, arguments: Sequence[str]) -> int:
    """Run ``bench/NAME.py``; without a name, say which there are."""
    known = sorted(path.stem for path in (ROOT / "bench").glob("*.py") if _is_bench(path))
    if name is None:
        say("\n".join(known))
        return 0
    if name not in known:
        raise DevError(f"There is no bench {name!r}; there are {', '.join(known)}")
    ensure_everything()
    return _in_project(str(VENV_PYTHON), "-m", f"bench.{name}", *arguments)


def _is_bench(path: Path) -> bool:
    """Those that take the options every bench has; the others serve them."""
    return "import arguments" in path.read_text()


def _has_python(path: str) -> bool:
    """mypy refuses to start when it is given a folder without any."""
    return (ROOT / path).is_file() or any((ROOT / path).rglob("*.py"))


def _in_project(*command: str) -> int:
    return subprocess.run(command, cwd=ROOT, env=inherited(), check=False).returncode
