"""What the child sees: the answers an agent sends to its emulated lights."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

BIGGEST_ANSWER = 4096  # bytes
OFF = "off"

# pattern → (light, seconds it shines), as the agent's lights do it
_SHINES: Mapping[str, tuple[str, float]] = {
    "accept": ("green", 1.0),
    "reject": ("red", 2.0),
    "hold": ("amber", 1.0),
    "not_stored": ("red", 2.0),
    "testing": ("amber", 1.0),
    "tested_well": ("green", 3.0),
    "tested_fault": ("red", 3.0),
}


@dataclass(frozen=True, slots=True)
class Answer:
    content: Mapping[str, Any]
    received_at: float  # monotonic


class Light:
    """Listens on a Unix datagram socket, from ``open`` to ``close``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = threading.Condition()
        self._last: Answer | None = None
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def open(self) -> None:
        """Take the path, also from an earlier process that has left its socket there."""
        self._path.unlink(missing_ok=True)
        self._closing.clear()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path))
        self._thread = threading.Thread(
            target=self._listen, args=(self._socket,), name=f"light {self._path.name}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        if self._socket is not None and self._thread is not None:
            self._closing.set()
            self._socket.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._socket.close()
            self._path.unlink(missing_ok=True)
            self._socket = self._thread = None

    @property
    def last(self) -> Answer | None:
        return self._last

    def colour(self) -> str:
        """``green``, ``red``, ``amber`` or ``off``, now."""
        last = self._last
        if last is None:
            return OFF
        colour, seconds = _SHINES.get(str(last.content.get("pattern")), (OFF, 0.0))
        return colour if time.monotonic() - last.received_at < seconds else OFF

    def wait_for_next(self, after: Answer | None, timeout: float) -> Answer | None:
        """The first answer since ``after`` (what ``last`` was), or None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._last is not after, timeout)
            return self._last if self._last is not after else None

    def _listen(self, listening: socket.socket) -> None:
        while not self._closing.is_set():
            received = listening.recv(BIGGEST_ANSWER)
            if received:
                self._show(received)

    def _show(self, received: bytes) -> None:
        try:
            content = json.loads(received)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            log.warning("%s: passed over an answer that is not an object", self._path.name)
            return
        with self._changed:
            self._last = Answer(content, time.monotonic())
            self._changed.notify_all()
