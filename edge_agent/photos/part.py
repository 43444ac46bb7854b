"""Photos as a part of the agent: what of them runs, built from the settings."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from edge_agent.cameras import is_installed
from edge_agent.cameras.process import CameraProcess
from edge_agent.central_link import CentralLink
from edge_agent.clock import Clock
from edge_agent.health import free_mb, photos_have_room
from edge_agent.outbox import Outbox, OutboxUnavailable
from edge_agent.photos.desk import DarkRoom, GatePhotos
from edge_agent.photos.photographer import Photographer
from edge_agent.photos.sender import PhotoSender
from edge_agent.photos.spool import Spool
from edge_agent.photos.store import put
from edge_agent.roster import RosterFile
from edge_agent.settings import Settings
from edge_agent.tables import SettingsError

_ROOM_SECONDS: Final = 5.0  # so old may be what is known of the room: a tap does not wait for it


class Room:
    """Whether there is room for photos, looked at now and then."""

    def __init__(self, settings: Settings, outbox: Outbox) -> None:
        self._folder = settings.data_dir
        self._outbox = outbox
        self._looked_at = -_ROOM_SECONDS
        self.known = False

    def look(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at >= _ROOM_SECONDS:
            self._looked_at = now
            try:
                self.known = photos_have_room(self._outbox.depth(), free_mb(self._folder))
            except (OSError, OutboxUnavailable):
                self.known = False
        return self.known


class PhotosPart:
    """The camera's thread and the sender's, and what taps, orders and health see of them."""

    def __init__(
        self,
        settings: Settings,
        outbox: Outbox,
        roster: RosterFile,
        link: CentralLink,
        clock: Clock,
    ) -> None:
        """Raises SettingsError for a driver whose library is missing."""
        camera = settings.camera
        assert camera is not None
        if not is_installed(camera.driver):
            raise SettingsError(
                f'camera.driver: "{camera.driver}" needs a library that is not installed'
            )
        self._roster = roster
        self._outbox = outbox
        self._is_connected: Callable[[], bool] = lambda: False
        self._room = Room(settings, outbox)
        self._room.look()
        self.spool = Spool(settings.data_dir / "photos", self._room.look)
        self._sender = PhotoSender(link, self.spool, self._may_send, partial(put, clock=clock))
        dark_room = DarkRoom(settings.device, roster, self.spool, self._sender.ask)
        self.camera = Photographer(
            partial(CameraProcess, camera.driver, camera.path), dark_room.keep
        )
        self.desk = GatePhotos(self._may_take, self.camera.take)

    def run_camera(self, stop: threading.Event) -> None:
        self.camera.run(stop)

    def send(self, stop: threading.Event) -> None:
        self._sender.run(stop)

    def look(self) -> None:
        """Look now and then whether there is room for photos."""
        self._room.look()

    def leave(self) -> None:
        """Let both threads look whether they should stop."""
        self.camera.leave()
        self._sender.ask()

    def watch_connection(self, is_connected: Callable[[], bool]) -> None:
        """Photos are sent only while the broker lets us in, so that taps go first."""
        self._is_connected = is_connected

    def _may_take(self) -> bool:
        return self.camera.is_ready and self._room.known and self._roster.photo_key is not None

    def _may_send(self) -> bool:
        try:
            return self._is_connected() and self._outbox.depth() == 0
        except OutboxUnavailable:
            return False
