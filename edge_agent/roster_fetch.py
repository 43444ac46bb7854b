"""Keeping the roster the newest while central can be reached; the gate works from the last one."""

from __future__ import annotations

import logging
import random
import threading
from typing import Final

from contracts.messages import ContractError
from edge_agent.backoff import Backoff
from edge_agent.central_link import CentralLink, CentralRefused, CentralUnavailable
from edge_agent.roster import RosterFile

log = logging.getLogger(__name__)

PATH: Final = "/api/v1/devices/me/roster"
# Without any notice: one can be lost with a broker's disk. An answer of "still the same" is small.
EVERY_SECONDS: Final = 900.0


class RosterFetch:
    """Runs in a thread of its own: the network may take its time."""

    def __init__(self, link: CentralLink, roster: RosterFile) -> None:
        self._link = link
        self._roster = roster
        self._asked = threading.Event()
        self._backoff = Backoff(first=5.0, most=600.0)

    def ask(self) -> None:
        """Look now, not only when it is time to. Returns at once."""
        self._asked.set()

    def noticed(self, version: str) -> None:
        """Central holds this version. Returns at once."""
        if version != self._roster.version:
            self.ask()

    def run(self, stop: threading.Event) -> None:
        """Fetch at once, then when asked and every quarter of an hour, until ``stop`` is set.

        ``ask`` after ``stop`` ends it without delay.
        """
        while not stop.is_set():
            self._asked.clear()
            self._asked.wait(self._pause_after(self._fetch()))
        self._link.close()

    def _fetch(self) -> bool:
        """Whether central answered."""
        version = self._roster.version
        try:
            answer = self._link.get(PATH, None if version is None else f'W/"{version}"')
            if answer.status == 200:
                self._roster.adopt(answer.body)
            else:
                self._roster.confirm()
        except (CentralUnavailable, CentralRefused, ContractError) as error:
            log.warning("no roster from central, keeping version %s: %s", version, error)
            return False
        return True

    def _pause_after(self, answered: bool) -> float:
        if not answered:
            return self._backoff.wait()
        self._backoff.reset()
        # not all gates of a city in the same second, for ever
        return EVERY_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load
