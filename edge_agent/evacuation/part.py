"""The evacuation list as a part of the agent: what of it runs, built from the settings."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Final

from edge_agent.answer_settings import EvacuationSettings
from edge_agent.central_link import CentralLink
from edge_agent.clock import Clock
from edge_agent.evacuation.central_source import CentralSource
from edge_agent.evacuation.certificate import server_context
from edge_agent.evacuation.kept import KeptList, Refresher
from edge_agent.evacuation.service import Desk, Server

log = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 30.0  # until an address that is in use is tried again


class EvacuationPart:
    """Keeps the newest sealed list and serves the page that opens it. No tap waits for either."""

    def __init__(
        self,
        settings: EvacuationSettings,
        device: str,
        folder: Path,
        link: CentralLink,
        clock: Clock,
    ) -> None:
        """``folder`` keeps the sealed list and the page's certificate."""
        self._settings = settings
        self._device = device
        self._folder = folder
        self._link = link
        kept = KeptList(folder / "evacuation.sealed", device)
        kept.load()
        self._refresher = Refresher(CentralSource(link), kept, time.monotonic)
        self._desk = Desk(
            kept,
            self._refresher,
            settings.locale,
            now=lambda: clock().at,
            monotonic=time.monotonic,
        )

    def card_tapped(self, token: bytes) -> None:
        """A staff card was read at the gate; returns at once."""
        self._desk.card_tapped(token)

    def refresh(self, stop: threading.Event) -> None:
        """Fetch newer lists until ``stop`` is set."""
        self._refresher.run(stop)
        self._link.close()

    def serve(self, stop: threading.Event) -> None:
        """Serve the page until ``stop`` is set. An address in use costs the page, not the gate."""
        said = False
        while not stop.is_set():
            try:
                context = server_context(self._settings, self._device, self._folder)
                server = Server(self._desk, self._settings.host, self._settings.port, context)
            except OSError as error:
                if not said:
                    log.error("the evacuation page cannot be served: %s", error)
                said = True
                stop.wait(_AGAIN_SECONDS)
                continue
            log.info("evacuation page on port %d", server.port)
            server.run(stop)
