"""Has photos taken, and keeps a camera that can do so. No tap ever waits for it.

A camera's process that is silent for too long is killed and started again, ever more rarely while
that does not help.
"""

from __future__ import annotations

import logging
import queue
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from edge_agent.backoff import Backoff
from edge_agent.cameras.base import CameraUnavailable
from edge_agent.cameras.signals import PICTURE
from edge_agent.findings import Finding
from edge_agent.wake import Wake

log = logging.getLogger(__name__)

MOST_WAITING: Final = 4  # at a rush the next child is there before the camera could be
GONE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: until a camera must have started, how long it may be silent then, and how old a
    picture may be. One that is older may show the next child, which nobody has asked about."""

    start: float = 20.0
    silence: float = 4.0
    late: float = 2.0
    steady: float = 30.0  # it lived so long: what comes now is another fault than the last


class Process(Protocol):
    """A camera's process; see ``cameras.process``."""

    def fileno(self) -> int: ...

    def ask_for_a_picture(self) -> None: ...

    def heard(self) -> Iterable[tuple[bytes, bytes]]: ...

    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Picture:
    jpeg: bytes
    took_ms: int


@dataclass(frozen=True, slots=True)
class _Wish:
    """``photo`` None: for an order that waits for ``answer``."""

    photo: str | None
    asked_at: float
    answer: queue.SimpleQueue[Picture | None] = field(default_factory=queue.SimpleQueue)


class Photographer:
    """``keep`` gets each photo's id and JPEG, on this thread; it may take its time."""

    def __init__(
        self,
        start: Callable[[], Process],
        keep: Callable[[str, bytes], None],
        patience: Patience | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._start = start
        self._keep = keep
        self._patience = patience or Patience()
        self._backoff = backoff or Backoff(first=1.0, most=60.0)
        self._wake = Wake()
        self._wishes: deque[_Wish] = deque(maxlen=MOST_WAITING)
        self._asked: _Wish | None = None
        self._lost_at: float | None = time.monotonic()
        self._why = "starting"
        self.resets = 0

    @property
    def is_ready(self) -> bool:
        return self._lost_at is None

    def alarms(self) -> list[str]:
        lost_at = self._lost_at
        gone = lost_at is not None and time.monotonic() - lost_at > GONE_SECONDS
        return ["camera_gone"] if gone else []

    def finding(self) -> Finding:
        """For a self-test."""
        seen = {"resets": self.resets}
        if self.is_ready:
            return Finding("camera", True, "camera_ready", seen)
        return Finding("camera", False, "camera_gone", seen | {"error": self._why})

    def take(self, photo: str) -> None:
        """Take a photo of who stands there now. Returns at once; of too many the first are left."""
        self._wishes.append(_Wish(photo, time.monotonic()))
        self._wake.set()

    def try_one(self, seconds: float) -> Picture | None:
        """A picture that is not kept, for an order; None when none came in time."""
        wish = _Wish(None, time.monotonic())
        self._wishes.append(wish)
        self._wake.set()
        try:
            return wish.answer.get(timeout=seconds)
        except queue.Empty:
            return None

    def leave(self) -> None:
        """Let ``run`` look whether it should stop."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set and ``leave`` was called."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                self._live(stop)
            except (CameraUnavailable, OSError) as error:
                self._lose(error)
                if time.monotonic() - began > self._patience.steady:
                    self._backoff.reset()
                self._pause(self._backoff.wait(), stop)

    def _live(self, stop: threading.Event) -> None:
        """One process of the camera, from its start to its end."""
        process = self._start()
        try:
            deadline = time.monotonic() + self._patience.start
            while not stop.is_set():
                self._ask(process)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise CameraUnavailable("gives no sign of life")
                select.select([process.fileno(), self._wake.fileno()], [], [], left)
                self._wake.clear()
                for kind, content in process.heard():
                    deadline = time.monotonic() + self._patience.silence
                    self._find()
                    if kind == PICTURE:
                        self._got(content)
        finally:
            self._asked = None
            process.kill()

    def _ask(self, process: Process) -> None:
        """For the next photo, if the camera is free and somebody still stands there."""
        while self.is_ready and self._asked is None and self._wishes:
            wish = self._wishes.popleft()
            if time.monotonic() - wish.asked_at < self._patience.late:
                self._asked = wish
                process.ask_for_a_picture()
            else:
                log.info("a photo would have come too late")

    def _got(self, jpeg: bytes) -> None:
        wish, self._asked = self._asked, None
        if wish is None:
            return
        took = time.monotonic() - wish.asked_at
        if wish.photo is None:
            wish.answer.put(Picture(jpeg, round(took * 1000)))
        elif took < self._patience.late:
            self._keep(wish.photo, jpeg)
        else:
            log.info("a photo came too late and is not kept")

    def _find(self) -> None:
        if self._lost_at is not None:
            log.info("the camera works")
            self._lost_at = None

    def _lose(self, error: Exception) -> None:
        self._why = str(error) or type(error).__name__
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        self.resets += 1
        log.warning("camera: %s", self._why)

    def _pause(self, seconds: float, stop: threading.Event) -> None:
        """Wait, but not for a stop. Wishes meanwhile wake it too; they grow old."""
        deadline = time.monotonic() + seconds
        while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
            self._wake.wait(left)
