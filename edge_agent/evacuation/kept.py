"""The sealed list on the gate's disk, fetched anew while central answers."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from contracts.evacuation import SealedList
from contracts.fields import ContractError

log = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 60.0  # so old the list may be when the network goes
REACHABLE_SECONDS: Final = 3 * REFRESH_SECONDS  # one missed answer is no outage yet


class SourceUnavailable(Exception):
    """Central gave no list; the next attempt may."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A new list and the tag by which it is recognised; ``payload`` None: still the same."""

    payload: bytes | None
    etag: str | None


class Source(Protocol):
    """Where sealed lists come from."""

    def fetch(self, etag: str | None) -> Fetched:
        """The list now, unless it is still the one of ``etag``. Raises SourceUnavailable."""


class KeptList:
    """What is on the disk: central's ciphertext and nothing else. Threads may share it."""

    def __init__(self, path: Path, device: str) -> None:
        self._path = path
        self._device = device
        self._lock = threading.Lock()
        self._list: SealedList | None = None

    @property
    def current(self) -> SealedList | None:
        with self._lock:
            return self._list

    def load(self) -> None:
        """Take what the disk has from before the last restart."""
        try:
            payload = self._path.read_bytes()
        except OSError:
            return
        try:
            self._take(payload)
        except ContractError as error:
            log.warning("the kept evacuation list cannot be used: %s", error)

    def replace(self, payload: bytes) -> None:
        """Keep a newer list instead. Raises ContractError, and OSError when the disk refuses."""
        self._take(payload)
        draft = self._path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def _take(self, payload: bytes) -> None:
        sealed = SealedList.from_json(payload)
        if sealed.device != self._device:
            raise ContractError("device: sealed for another one")
        with self._lock:
            if self._list is not None and sealed.made_at < self._list.made_at:
                raise ContractError("made_at: older than the one we have")
            self._list = sealed


class Refresher:
    """Fetches the list every minute, in a thread of its own."""

    def __init__(self, source: Source, kept: KeptList, monotonic: Callable[[], float]) -> None:
        self._source = source
        self._kept = kept
        self._monotonic = monotonic
        self._etag: str | None = None
        self._answered_at: float | None = None

    @property
    def central_reachable(self) -> bool:
        """Whether central has answered lately."""
        answered_at = self._answered_at
        if answered_at is None:
            return False
        return self._monotonic() - answered_at < REACHABLE_SECONDS

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.refresh()
            stop.wait(REFRESH_SECONDS)

    def refresh(self) -> None:
        """Fetch once. What goes wrong leaves the list that we have."""
        try:
            fetched = self._source.fetch(self._etag)
            self._answered_at = self._monotonic()
            if fetched.payload is not None:
                self._kept.replace(fetched.payload)
                self._etag = fetched.etag
        except SourceUnavailable as error:
            log.info("no evacuation list from central: %s", error)
        except (ContractError, OSError) as error:
            log.warning("the evacuation list was not kept: %s", error)
