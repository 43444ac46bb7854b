"""A camera without a lens: gives a picture when it is asked, or misbehaves as it is told to.

On a Unix stream socket it answers each ``take`` line with four bytes of length and a JPEG.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from emulators.gates.picture import picture

log = logging.getLogger(__name__)

WORKS, HANGS, DIES, SLOW, JUNK = "works", "hangs", "dies", "slow", "junk"
MOODS: Final = (WORKS, HANGS, DIES, SLOW, JUNK)
SLOW_SECONDS: Final = 4.0


class Camera:
    """Listens from ``open`` to ``close``. ``sees`` says who stands in front of it."""

    def __init__(self, path: Path, sees: Callable[[], str]) -> None:
        self._path = path
        self._sees = sees
        self._closing = threading.Event()
        self._mood_changed = threading.Condition()
        self._mood = WORKS
        self._socket: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self.taken = 0

    @property
    def mood(self) -> str:
        return self._mood

    def behave(self, mood: str) -> None:
        """From now on; one that hangs answers again when it works."""
        with self._mood_changed:
            self._mood = mood
            self._mood_changed.notify_all()
        if mood == DIES:
            self._hang_up()

    def open(self) -> None:
        """Take the path, also from an earlier process that has left its socket there."""
        self._path.unlink(missing_ok=True)
        self._closing.clear()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self._path))
        self._socket.listen()
        self._start(self._accept, self._socket)

    def close(self) -> None:
        if self._socket is None:
            return
        self._closing.set()
        self.behave(WORKS)
        self._socket.shutdown(socket.SHUT_RDWR)
        self._hang_up()
        for thread in self._threads:
            thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)
        self._socket = None

    def _start(self, run: Callable[[socket.socket], None], connection: socket.socket) -> None:
        thread = threading.Thread(target=run, args=(connection,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listening: socket.socket) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:  # closed
                return
            if self._mood == DIES:
                connection.close()
                continue
            self._connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as orders:
            for line in orders:
                if line == b"take\n" and self._ready():
                    self.taken += 1
                    content = b"\xff\xd8 no picture" if self._mood == JUNK else self._picture()
                    connection.sendall(len(content).to_bytes(4, "big") + content)

    def _picture(self) -> bytes:
        return picture(self._sees())

    def _ready(self) -> bool:
        """Return when the mood lets it answer; whether it should still do so."""
        with self._mood_changed:
            if self._mood == SLOW:
                self._mood_changed.wait(SLOW_SECONDS)
            self._mood_changed.wait_for(lambda: self._mood != HANGS)
        return not self._closing.is_set()

    def _hang_up(self) -> None:
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()
