"""Wakes a thread that waits for the network, without ever blocking the one that wakes it."""

from __future__ import annotations

import os
import select


class Wake:
    """A pipe that ``select`` can wait for together with a socket."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def fileno(self) -> int:
        return self._read

    def set(self) -> None:
        """There is something to do. For any thread; returns at once."""
        try:
            os.write(self._write, b"\x00")
        except BlockingIOError:  # a full pipe wakes just as well
            return

    def clear(self) -> None:
        """Whoever woke us is served by what comes next."""
        try:
            while os.read(self._read, 4096):
                pass
        except BlockingIOError:
            return

    def wait(self, seconds: float) -> None:
        """Return when woken, or after ``seconds``."""
        select.select([self._read], [], [], seconds)
        self.clear()

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)
