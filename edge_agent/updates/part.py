"""Updates as a part of the agent: what it fetches, and what it shows meanwhile."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from contracts.releases import Version
from edge_agent import VERSION
from edge_agent.central_link import CentralLink
from edge_agent.readers.watch import Watch
from edge_agent.updates.fetch import ReleaseFetch
from edge_agent.updates.settings import UpdateSettings
from edge_agent.updates.sign_of_life import Sign, up_s, write_sign

log = logging.getLogger(__name__)

_SIGN_EVERY_S: Final = 5.0  # a third of what the updater still takes for fresh


class UpdatesPart:
    """``look`` is for the main thread, ``fetch`` for one of its own."""

    def __init__(
        self,
        settings: UpdateSettings,
        link: CentralLink,
        watches: Sequence[Watch],
        is_connected: Callable[[], bool],
    ) -> None:
        self.fetch = ReleaseFetch(link, Version.parse(VERSION), settings.inbox, settings.record)
        self._sign = settings.sign
        self._record = settings.record
        self._record_changed = _changed(settings.record)
        self._watches = watches
        self._is_connected = is_connected
        self._last_s = 0.0

    def look(self) -> None:
        """Show the updater that we live, and have central told when it came to a conclusion."""
        now_s = up_s()
        if now_s - self._last_s < _SIGN_EVERY_S:
            return
        self._last_s = now_s
        self._show(now_s)
        changed = _changed(self._record)
        if changed != self._record_changed:
            self._record_changed = changed
            self.fetch.ask()

    def _show(self, now_s: float) -> None:
        """A folder that cannot be written is logged, each time."""
        ready = sum(watch.is_ready for watch in self._watches)
        sign = Sign(VERSION, os.getpid(), now_s, self._is_connected(), ready)
        try:
            write_sign(self._sign, sign)
        except OSError as error:
            log.warning("%s could not be written: %s", self._sign, error)


def _changed(record: Path) -> int | None:
    """When the updater last wrote, in nanoseconds; None if it never did."""
    try:
        return record.stat().st_mtime_ns
    except OSError:
        return None
