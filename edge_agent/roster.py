"""Who the digests are: the school's list on disk, so that the gate answers without a network."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from contracts.messages import ContractError
from contracts.roster import Roster, RosterEntry
from edge_agent.kept_file import replace_file

log = logging.getLogger(__name__)

_EMPTY = Roster("none", {})
_VERDICTS: Mapping[str, str] = {
    "active": "accepted",
    "staff": "accepted",
    "service": "accepted",
    "revoked": "revoked",
    "not_today": "not_today",
}


def verdict_on(entry: RosterEntry | None) -> str:
    """The stable code of what to answer the holder of a card."""
    return "unknown" if entry is None else _VERDICTS[entry.state]


class RosterFile:
    """The roster at ``path``, with the last good one beside the outbox in case it gets damaged.

    Whoever writes ``path`` replaces it whole; ``adopt`` does so for us. Looking up never waits for
    the disk; the other methods do, and are called from other threads than the readers'.
    """

    def __init__(self, path: Path, last_good: Path) -> None:
        self._path = path
        self._last_good = last_good
        self._changing = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._roster = _EMPTY

    @property
    def version(self) -> str | None:
        """None while there is no roster at all, and every card is unknown."""
        return None if self._roster is _EMPTY else self._roster.version

    @property
    def uid_cards(self) -> bool:
        """Whether the school takes cards that it knows by their UID alone."""
        return self._roster.uid_cards

    @property
    def photo_key(self) -> str | None:
        """To which photos are sealed, hex; None while the school takes none."""
        return self._roster.photo_key

    def find(self, digest: str) -> RosterEntry | None:
        return self._roster.cards.get(digest)

    def age_s(self) -> int | None:
        """Seconds since it was last known to be the newest, by the wall clock; None without one.

        Kept as the file's own time, so that it survives a restart.
        """
        if self._roster is _EMPTY:
            return None
        for path in (self._path, self._last_good):
            try:
                return max(0, int(time.time() - path.stat().st_mtime))
            except OSError:
                continue
        return None

    def load(self) -> None:
        """Read for the first time, falling back to the last good one."""
        self.refresh()
        if self._roster is _EMPTY:
            self._use_last_good()
        if self._roster is _EMPTY:
            log.error("no roster at %s: every card will be unknown", self._path)

    def refresh(self) -> None:
        """Use the file if it changed since the last look. A damaged one changes nothing."""
        with self._changing:
            signature = _signature(self._path)
            if signature == self._seen:
                return
            self._seen = signature
            try:
                payload = self._path.read_bytes()
                roster = Roster.from_json(payload)
            except (OSError, ContractError) as error:
                log.error("roster %s: %s; keeping version %s", self._path, error, self.version)
                return
            self._use(roster)
            self._keep(payload)

    def adopt(self, payload: bytes) -> None:
        """Use this newer one from now on, and after every restart.

        Raises ContractError, and nothing has changed. With a disk that refuses it is used all the
        same, until the next restart.
        """
        roster = Roster.from_json(payload)
        with self._changing:
            try:
                replace_file(self._path, payload)
                self._seen = _signature(self._path)
            except OSError as error:
                log.warning("the roster could not be stored: %s", error)
            self._use(roster)
            self._keep(payload)

    def confirm(self) -> None:
        """It was said to be the newest just now."""
        with self._changing:
            for path in (self._path, self._last_good):
                try:
                    os.utime(path)
                except OSError as error:
                    log.warning("%s could not be touched: %s", path.name, error)
            self._seen = _signature(self._path)

    def _use(self, roster: Roster) -> None:
        self._roster = roster
        log.info("roster version %s: %d cards", roster.version, len(roster.cards))

    def _keep(self, payload: bytes) -> None:
        try:
            replace_file(self._last_good, payload)
        except OSError as error:
            log.warning("the roster could not be kept as the last good one: %s", error)

    def _use_last_good(self) -> None:
        try:
            self._roster = Roster.from_json(self._last_good.read_bytes())
        except (OSError, ContractError):
            return
        log.warning("using the last good roster, version %s", self._roster.version)


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
