"""Room on the disk that is kept for what makes room.

To forget a tap the database must first write that it is forgotten, and to be opened it needs files
beside it. On a disk that somebody else has filled neither would work, and the gate would stay full
for ever, or not start. So a little room is held by a file that gives way to them, and to nothing
else: a tap that finds no room is answered "not stored", as it must be.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

MOST_BYTES: Final = 1_000_000  # of which one change of the database takes some 50,000


class Reserve:
    """The file at ``path``. Its methods raise nothing: without a reserve one only has less."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def hold(self) -> None:
        """Hold what the disk has, up to ``MOST_BYTES``, unless some is held already."""
        if self._path.exists():
            return
        room = min(MOST_BYTES, shutil.disk_usage(self._path.parent).free)
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(1, room))
        except OSError as error:
            self._path.unlink(missing_ok=True)
            log.warning("no room is held for a full disk: %s", error)

    @contextmanager
    def given_way(self) -> Iterator[None]:
        """What is done inside has the room that was held."""
        log.warning("the disk is full: the reserve gives way")
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        try:
            yield
        finally:
            self.hold()
