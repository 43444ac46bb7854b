"""The machine that becomes a gate: its files, its programs, and what a person is told."""

from __future__ import annotations

import logging
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

_COMMAND_SECONDS: Final = 600


class StepFailed(Exception):
    """Trying again may help: the network may come up. ``status`` is the program's, if one ended."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class SomebodyMustAct(Exception):
    """Trying again will not help; the text says what to do."""


@dataclass(frozen=True)
class Machine:
    """``root`` is ``/``; ``boot`` is where the FAT partition is mounted."""

    root: Path = Path("/")
    boot: Path = Path("/boot/firmware")

    def path(self, path: str) -> Path:
        """Where an absolute path of the machine is."""
        return self.root / path.lstrip("/")

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Have the file be so, whole or as before, whatever interrupts."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(target, content, mode)

    def run(self, *command: str) -> str:
        """What it said. Raises StepFailed, with what it complained of last."""
        log.info("%s", " ".join(command[:4]))
        try:
            done = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                timeout=_COMMAND_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StepFailed(f"{command[0]}: {error}") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise StepFailed(said[-1] if said else f"{command[0]} failed", done.returncode)
        return done.stdout

    def try_to(self, *command: str) -> bool:
        """Whether it worked. For what an image may not have."""
        try:
            self.run(*command)
        except StepFailed as failed:
            log.warning("not done: %s", failed)
            return False
        return True

    def say(self, text: str) -> None:
        """For a technician who puts the card into a computer. Never a secret."""
        (self.boot / "gate-status.txt").write_text(text + "\n", newline="\r\n")  # for Windows


def replace_whole(target: Path, content: bytes, mode: int) -> None:
    """On the disk when this returns. On FAT, which has no modes, ``mode`` changes nothing."""
    draft = target.with_name(target.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(mode)
    draft.replace(target)


def wipe(path: Path) -> None:
    """Delete a file with a secret; its bytes are overwritten first, as far as a card lets us."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        file.write(b"\0" * path.stat().st_size)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
