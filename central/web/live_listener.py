"""Hears what PostgreSQL announces: one connection and one thread a process."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import make_conninfo

from central.events import CHANNEL

LOOK_UP_SECONDS = 1.0  # how late it notices that it should stop
SHORTEST_PAUSE = 0.2  # before the first attempt to connect again …
LONGEST_PAUSE = 5.0  # … doubling up to this, so that a restarted server is found quickly
# Without these a connection through a dead firewall looks alive, and the board silent, for hours.
_KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something was committed in a school: ``taps``, ``notifications`` or ``devices``."""

    school_id: int
    kind: str


class Listener:
    """Calls ``heard`` for every announcement, and ``missed`` after each time it was deaf."""

    def __init__(
        self, url: str, heard: Callable[[Announcement], None], missed: Callable[[], None]
    ) -> None:
        self._address = make_conninfo(url, **_KEEPALIVE)
        self._heard = heard
        self._missed = missed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End within a second; does not wait for it."""
        self._stopping.set()

    def _run(self) -> None:
        pause = SHORTEST_PAUSE
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._address, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._missed()
                    pause = SHORTEST_PAUSE
                    self._listen(connection)
            except psycopg.Error as error:
                log.warning("live updates: database connection lost (%s)", type(error).__name__)
                self._stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _listen(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        while not self._stopping.is_set():
            for notify in connection.notifies(timeout=LOOK_UP_SECONDS):
                with suppress(ValueError):  # not one of ours: anybody on the database may notify
                    self._heard(parse(notify.payload))


def parse(payload: str) -> Announcement:
    """Read ``{"school": id, "kind": …}``. Raises ValueError for anything else."""
    match json.loads(payload):
        case {"school": int(school_id), "kind": str(kind)}:
            return Announcement(school_id, kind)
    raise ValueError("not an announcement")
