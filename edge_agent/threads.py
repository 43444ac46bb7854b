"""The agent's threads, which stand and fall together."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

START_AGAIN = 75  # EX_TEMPFAIL: a supervisor restarts on any failure
REVOKED = 77  # EX_NOPERM: starting again is of no use before somebody enrols the gate anew


class Threads:
    """The agent's threads. One that fails takes the process with it."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.failed = threading.Event()
        self.restart = threading.Event()
        self.revoked = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, name: str, run: Callable[[threading.Event], None]) -> None:
        thread = threading.Thread(target=self._guard, args=(name, run), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def start_again(self) -> None:
        """Stop everything, and let the supervisor start the process anew."""
        self.restart.set()
        self.stop.set()

    def put_out(self) -> None:
        """Stop everything, for good: central has revoked this gate."""
        self.revoked.set()
        self.stop.set()

    def status(self) -> int:
        """What the process should end with."""
        if self.revoked.is_set():
            return REVOKED
        if self.failed.is_set():
            return 1
        return START_AGAIN if self.restart.is_set() else 0

    def join(self, deadline: float) -> bool:
        """Whether all ended before ``deadline``, in monotonic seconds."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _guard(self, name: str, run: Callable[[threading.Event], None]) -> None:
        try:
            run(self.stop)
        except Exception:
            log.exception("%s failed", name)
            self.failed.set()
            self.stop.set()
