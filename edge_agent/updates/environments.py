"""Versions of the software side by side, and the links that say which one runs.

    /opt/gate/1.4.0/      an environment for one version
    /opt/gate/current     link: what the agent runs
    /opt/gate/proven      link: the last one that was found to work; the updater runs from it
    /opt/gate/previous    link: the one proven before

Standard library only, and importable without any of our dependencies: the first boot uses it on a
system that has nothing but Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from contracts.fields import ContractError
from contracts.releases import ReleaseRefused, Version

CURRENT: Final = "current"
PROVEN: Final = "proven"
PREVIOUS: Final = "previous"
_INSTALL_SECONDS: Final = 900  # a Pi Zero 2 unpacks 15 MB of wheels slowly, and never this slowly


class Environments:
    """The versions below one folder, which only root may write."""

    def __init__(self, root: Path, python: str) -> None:
        """``python`` makes new environments: the system's own, not that of one version."""
        self._root = root
        self._python = python

    def version_at(self, link: str) -> Version | None:
        """Which version a link names; None if there is no such link."""
        try:
            return Version.parse((self._root / link).readlink().name)
        except (OSError, ContractError):
            return None

    def install(self, version: Version, package: str, contents: Mapping[str, bytes]) -> None:
        """Make the environment of ``version`` from wheels; a half-made one is made anew.

        The wheel of pip is among them: what the system has may be none, or years old.
        Raises ReleaseRefused.
        """
        place = self._root / str(version)
        draft = self._root / f".{version}.new"
        self._root.mkdir(parents=True, exist_ok=True)
        for folder in (draft, place):
            shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=self._root, prefix=".wheels-") as wheels:
            for name, content in contents.items():
                Path(wheels, name).write_bytes(content)
            self._make(draft, place, package, Path(wheels))
        os.sync()  # thousands of files first, then the name that says that all are there
        draft.rename(place)
        _flush(self._root)

    def point(self, link: str, version: Version) -> None:
        """Let ``link`` name ``version``, in one step that survives a power cut."""
        draft = self._root / f".{link}.new"
        draft.unlink(missing_ok=True)
        draft.symlink_to(str(version))
        draft.replace(self._root / link)
        _flush(self._root)

    def forget_others(self) -> None:
        """Remove every version that no link names."""
        kept = {self.version_at(link) for link in (CURRENT, PROVEN, PREVIOUS)}
        for folder in self._root.iterdir():
            if folder.is_symlink() or not folder.is_dir():
                continue
            try:
                version = Version.parse(folder.name)
            except ContractError:
                continue
            if version not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _make(self, draft: Path, place: Path, package: str, wheels: Path) -> None:
        pip = next(iter(wheels.glob("pip-*.whl")), None)
        if pip is None:
            raise ReleaseRefused("not_installable", "no pip among its files")
        # --system-site-packages: the camera's library comes with the system, from apt
        self._run(
            *(self._python, "-m", "venv", "--without-pip", "--system-site-packages"),
            *("--symlinks", str(draft)),
        )
        self._run(
            *(str(draft / "bin/python"), "-I", str(pip / "pip"), "--quiet", "install"),
            *("--no-index", "--find-links", str(wheels), "--only-binary", ":all:"),
            *("--no-cache-dir", "--disable-pip-version-check", "--no-compile"),
            *("--ignore-installed", "--root-user-action", "ignore", package),
        )
        # nobody may write there later, so what is compiled is compiled now
        self._run(str(draft / "bin/python"), "-I", "-m", "compileall", "-qq", str(draft / "lib"))
        _move_scripts(draft, place)

    def _run(self, *command: str) -> None:
        try:
            subprocess.run(
                command, check=True, capture_output=True, timeout=_INSTALL_SECONDS, umask=0o022
            )
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip().splitlines()
            raise ReleaseRefused("not_installable", said[-1] if said else "") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReleaseRefused("not_installable", str(error)) from error


def _move_scripts(draft: Path, place: Path) -> None:
    """An environment names its own folder in a few scripts, which are not ours to keep: we start
    modules by the interpreter, which works wherever the folder is."""
    for script in (draft / "bin").iterdir():
        if not script.name.startswith("python"):
            script.unlink()
    settings = draft / "pyvenv.cfg"
    settings.write_text(settings.read_text().replace(str(draft), str(place)))


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
