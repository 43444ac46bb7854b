"""Sealed photos on their way to central: one file each, and the first to go when space is short.

Nothing waits here for the disk to be sure: a photo that a power cut takes is a photo less, and the
outbox needs the disk more.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.fields import ContractError
from contracts.photos import PHOTO_ID, SealedPhoto

log = logging.getLogger(__name__)

MOST_PHOTOS: Final = 2_000
MOST_BYTES: Final = 200_000_000
_ENDING: Final = ".sealed"


@dataclass(frozen=True, slots=True)
class Kept:
    """A sealed photo in the spool."""

    id: str
    path: Path
    size: int


class Spool:
    """Safe for use by several threads. Disk errors cost photos and are logged, never raised."""

    def __init__(
        self,
        folder: Path,
        has_room: Callable[[], bool],
        *,
        most_photos: int = MOST_PHOTOS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """``has_room`` says whether the disk and the outbox leave any room for photos."""
        self._folder = folder
        self._has_room = has_room
        self._most_photos = most_photos
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self.dropped = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            log.error("photos cannot be kept: %s", error)

    def put(self, photo: str, sealed: bytes) -> None:
        """Keep it as the newest, and let go of the oldest ones that no longer fit."""
        with self._lock:
            path = self._folder / f"{time.time_ns():020}-{photo}{_ENDING}"
            draft = path.with_suffix(".new")
            try:
                draft.write_bytes(sealed)
                draft.replace(path)
            except OSError as error:
                log.warning("a photo was not kept: %s", error)
                _remove(draft)
            self._trim()

    def oldest(self) -> Kept | None:
        with self._lock:
            kept = self._kept()
        return kept[0] if kept else None

    def depth(self) -> int:
        with self._lock:
            return len(self._kept())

    def read(self, kept: Kept) -> bytes | None:
        """Its content; None, and it is forgotten, if the disk does not have it as it was."""
        try:
            content = kept.path.read_bytes()
            SealedPhoto.from_bytes(content)
        except (OSError, ContractError) as error:
            log.warning("a photo was damaged on the disk: %s", error)
            self.forget(kept)
            return None
        return content

    def forget(self, kept: Kept) -> None:
        with self._lock:
            _remove(kept.path)

    def trim(self) -> None:
        """Let go of what no longer fits."""
        with self._lock:
            self._trim()

    def _trim(self) -> None:
        kept = self._kept()
        size = sum(one.size for one in kept)
        while kept and (
            len(kept) > self._most_photos or size > self._most_bytes or not self._has_room()
        ):
            oldest = kept.pop(0)
            size -= oldest.size
            _remove(oldest.path)
            self.dropped += 1

    def _kept(self) -> list[Kept]:
        """The oldest first."""
        found = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    photo = entry.name[21 : -len(_ENDING)]
                    if entry.name.endswith(_ENDING) and PHOTO_ID.fullmatch(photo):
                        found.append(Kept(photo, Path(entry.path), entry.stat().st_size))
        except OSError as error:
            log.warning("photos cannot be looked at: %s", error)
        return sorted(found, key=lambda kept: kept.path.name)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("a photo could not be removed: %s", error)
