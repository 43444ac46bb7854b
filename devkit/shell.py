"""Running a program to its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from devkit.errors import DevError


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    cwd: Path = Path("/"),
    user: str | None = None,
    stdin: str = "",
) -> str:
    """What it printed. Raises DevError with its last words when it fails."""
    done = subprocess.run(
        argv, env=env, cwd=cwd, user=user, input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        words = f"{done.stdout[-1000:]}{done.stderr[-2000:]}"
        raise DevError(f"{Path(argv[0]).name} failed ({done.returncode}):\n{words}")
    return done.stdout


def inherited() -> dict[str, str]:
    """Our own environment, for installers only: proxies, mirrors and caches are set there."""
    return dict(os.environ)
