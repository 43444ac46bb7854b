"""What the private servers have in common: a folder, a port, and a process."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from devkit.ports import LOOPBACK
from devkit.process import Program, Running

START_SECONDS = 60  # a cold disk on a small machine; normally well under one


class Server:
    """A server with its own data folder, on loopback. Data stay when it stops."""

    host = LOOPBACK

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.log = self.folder / "server.log"
        self._running: Running | None = None

    def prepare(self) -> Program:
        """Write what it needs into its folder, once or anew, and say how to run it."""
        raise NotImplementedError(type(self).__name__)

    @property
    def pid(self) -> int:
        """The process to kill in a trial. Only while it runs."""
        assert self._running is not None
        return self._running.pid

    def start(self) -> None:
        """Return when it accepts connections. Starting a running server changes nothing."""
        if self.alive():
            return
        self._running = Running(self.prepare())
        self._running.wait_ready(START_SECONDS)

    def stop(self) -> None:
        """End it in an orderly way; everything is on disk afterwards."""
        if self._running is not None:
            self._running.stop()

    def kill(self) -> None:
        """SIGKILL, as when the machine's memory ran out."""
        if self._running is not None:
            self._running.kill()

    def alive(self) -> bool:
        return self._running is not None and self._running.alive()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
