"""Emulators run as they are in earnest: as processes of their own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@contextlib.contextmanager
def running(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``python -m module``, told to stop at the end; it must obey within a few seconds."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def address(process: subprocess.Popen[str]) -> str:
    """The URL that the process says it listens at."""
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "http://" in line, line + process.stderr.read()
    return "http://" + line.split("http://")[1].split()[0]
