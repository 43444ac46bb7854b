"""Debian's Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from devkit.console import step
from devkit.shell import inherited

NAMES = ("chromium", "chromium-browser", "google-chrome")
WITHOUT = "Browser tests are not run: there is no Chromium (Debian: apt-get install chromium)"


def find() -> Path | None:
    for name in NAMES:
        found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/bin")
        if found is not None:
            return Path(found)
    return None


def ensure() -> Path | None:
    """Install it where that is possible without asking: as root with apt. None if there is none."""
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        with step("Chromium for the browser tests"):
            _install()
    return find()


def _install() -> None:
    env = {**inherited(), "DEBIAN_FRONTEND": "noninteractive"}
    quiet = ("apt-get", "--quiet", "--yes")
    for command in (
        (*quiet, "update"),
        (*quiet, "install", "--no-install-recommends", "chromium"),
    ):
        subprocess.run(command, env=env, capture_output=True, check=False)
