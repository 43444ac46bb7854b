"""Whether a tap gets a photo, and what becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol
from uuid import uuid4

from contracts.messages import TapRead
from contracts.photos import LARGEST_JPEG
from contracts.roster import RosterEntry
from edge_agent.photos.sealing import seal
from edge_agent.photos.spool import Spool
from edge_agent.roster import RosterFile

log = logging.getLogger(__name__)

_ACCEPTED: Final = "accepted"


class Photos(Protocol):
    """Both return at once and never raise: they are on a tap's way."""

    def named(self, tap: TapRead, entry: RosterEntry | None) -> TapRead:
        """The tap as it should be stored: with the id of a photo, if one is to be taken."""

    def take(self, photo: str) -> None:
        """Take that photo now. Call it after the person was answered."""


class NoPhotos:
    """A gate without a camera."""

    def named(self, tap: TapRead, entry: RosterEntry | None) -> TapRead:
        return tap

    def take(self, photo: str) -> None:
        """There is none."""


class GatePhotos:
    """``may_take``: the camera works and there is room; ``take_one`` has a photo taken."""

    def __init__(self, may_take: Callable[[], bool], take_one: Callable[[str], None]) -> None:
        self._may_take = may_take
        self._take_one = take_one

    def named(self, tap: TapRead, entry: RosterEntry | None) -> TapRead:
        wanted = entry is not None and entry.photo and tap.verdict == _ACCEPTED
        return replace(tap, photo=uuid4().hex) if wanted and self._may_take() else tap

    def take(self, photo: str) -> None:
        self._take_one(photo)


class DarkRoom:
    """Seals what the camera took, and keeps it for the sender. On the camera's thread."""

    def __init__(
        self, device: str, roster: RosterFile, spool: Spool, on_kept: Callable[[], None]
    ) -> None:
        self._device = device
        self._roster = roster
        self._spool = spool
        self._on_kept = on_kept

    def keep(self, photo: str, jpeg: bytes) -> None:
        """Never raises: a photo that cannot be kept is a photo less."""
        public_key = self._roster.photo_key
        if public_key is None or len(jpeg) > LARGEST_JPEG:
            log.warning("a photo of %d bytes is not kept", len(jpeg))
            return
        try:
            sealed = seal(jpeg, bytes.fromhex(public_key), self._device, photo)
        except ValueError as error:  # a key that is none
            log.error("a photo could not be sealed: %s", error)
            return
        self._spool.put(photo, sealed)
        self._on_kept()
