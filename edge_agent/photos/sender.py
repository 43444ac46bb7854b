"""Brings spooled photos to central, one at a time and only while no tap waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from contracts.fields import ContractError
from contracts.photos import PhotoOffer, PhotoTicket
from edge_agent.backoff import Backoff
from edge_agent.central_link import CentralLink, CentralRefused, CentralUnavailable
from edge_agent.photos.spool import Kept, Spool
from edge_agent.photos.store import StoreUnavailable

log = logging.getLogger(__name__)

PATH: Final = "/api/v1/devices/me/photos"
_LOOK_SECONDS: Final = 10.0  # between two looks at the room for photos
_BUSY_SECONDS: Final = 1.0  # while taps wait, or the network is gone
# With these the same photo would be refused for ever.
_NEVER: Final = frozenset({404, 409, 411, 413, 415, 422})


class PhotoSender:
    """Runs in a thread of its own. ``may_send`` says whether no tap waits and we are connected."""

    def __init__(
        self,
        link: CentralLink,
        spool: Spool,
        may_send: Callable[[], bool],
        put: Callable[[str, bytes], None],
        backoff: Backoff | None = None,
    ) -> None:
        """``put`` puts a content at an address; it raises StoreUnavailable."""
        self._link = link
        self._spool = spool
        self._may_send = may_send
        self._put = put
        self._backoff = backoff or Backoff(first=2.0, most=300.0)
        self._asked = threading.Event()

    def ask(self) -> None:
        """There is a photo, or something to look at. Returns at once."""
        self._asked.set()

    def run(self, stop: threading.Event) -> None:
        """``ask`` after ``stop`` ends it without delay."""
        while not stop.is_set():
            self._asked.clear()
            pause = self._round()
            if pause > 0:
                self._asked.wait(pause)
        self._link.close()

    def _round(self) -> float:
        """Send a photo if one waits; the seconds until there is more to do."""
        self._spool.trim()
        oldest = self._spool.oldest()
        if oldest is None:
            return _LOOK_SECONDS
        if not self._may_send():
            return _BUSY_SECONDS
        content = self._spool.read(oldest)
        if content is None:
            return 0.0
        try:
            self._send(oldest, content)
        except CentralRefused as refusal:
            if refusal.status not in _NEVER:
                return self._give_up_for_now(refusal)
            log.warning("central does not want a photo: %d", refusal.status)
        except (CentralUnavailable, StoreUnavailable, ContractError) as error:
            return self._give_up_for_now(error)
        self._spool.forget(oldest)
        self._backoff.reset()
        return 0.0

    def _send(self, kept: Kept, content: bytes) -> None:
        offer = PhotoOffer(kept.id, len(content))
        ticket = PhotoTicket.from_json(self._link.post(PATH, offer.to_json()).body)
        if ticket.put is None:
            return
        if ticket.put.startswith("/"):
            self._link.put(ticket.put, content)
        else:
            self._put(ticket.put, content)
        self._link.post(f"{PATH}/{kept.id}/sent", b"{}")

    def _give_up_for_now(self, error: Exception) -> float:
        pause = self._backoff.wait()
        log.warning("photos wait: %s; next try in %.0f s", error, pause)
        return pause
