"""Lights and sounds of an emulated gate: one JSON datagram an answer, to a Unix socket."""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path

from edge_agent.feedback.base import Outcome

log = logging.getLogger(__name__)


class EmulatedFeedback:
    """Sends ``{"pattern","name","verdict","seq","at"}``. Without a listener the answer is lost."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._heard = True

    def show(self, outcome: Outcome) -> None:
        answer = {
            "pattern": outcome.pattern,
            "name": outcome.name,
            "verdict": outcome.verdict,
            "seq": outcome.seq,
            "at": outcome.at.isoformat(),
        }
        try:
            self._socket.sendto(json.dumps(answer).encode(), self._path)
        except OSError as error:  # nobody listens, or does not keep up
            self._say_unheard(error)
        else:
            self._heard = True

    def close(self) -> None:
        self._socket.close()

    def _say_unheard(self, error: OSError) -> None:
        if self._heard:
            log.warning("nobody hears the answers at %s: %s", self._path, error)
        self._heard = False
