"""Where a running agent answers a technician's ``doctor`` on the same machine.

A Unix socket in the agent's own folder: whoever may read that folder may ask. One connection, one
JSON list of findings, the end.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from pathlib import Path
from typing import Any, Final

from edge_agent.findings import Finding
from edge_agent.findings_words import NOTES
from edge_agent.selftest import SelfTest

log = logging.getLogger(__name__)

SOCKET: Final = "doctor.sock"
PATIENCE_SECONDS: Final = 10.0
MOST_BYTES: Final = 65_536
_LOOK_SECONDS: Final = 0.5  # until a stop is seen


class AgentSilent(Exception):
    """It runs, and does not answer."""


class DoctorDesk:
    """Serves one question after the other, in a thread of its own."""

    def __init__(self, folder: Path, selftest: SelfTest) -> None:
        self._path = folder / SOCKET
        self._selftest = selftest

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set. Without the socket the gate works all the same."""
        try:
            listening = self._listen()
        except OSError as error:  # the path is too long, the disk refuses
            log.warning("doctor cannot ask this agent: %s", error)
            return
        with contextlib.closing(listening):
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    self._answer(listening.accept()[0])
        self._path.unlink(missing_ok=True)

    def _listen(self) -> socket.socket:
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(self._path))
            self._path.chmod(0o600)
            listening.listen(1)
            listening.settimeout(_LOOK_SECONDS)
        except OSError:
            listening.close()
            raise
        return listening

    def _answer(self, asking: socket.socket) -> None:
        findings = [finding.wire() for finding in self._selftest.run()]
        with contextlib.closing(asking), contextlib.suppress(OSError):
            asking.settimeout(_LOOK_SECONDS)
            asking.sendall(json.dumps(findings).encode())


def ask_agent(folder: Path, patience_s: float = PATIENCE_SECONDS) -> list[Finding] | None:
    """What the agent of ``folder`` finds; None if none runs. Raises AgentSilent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(patience_s)
        try:
            asking.connect(str(folder / SOCKET))
        except TimeoutError as error:
            raise AgentSilent from error
        except OSError:
            return None
        try:
            return _findings(_read(asking))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AgentSilent(f"{type(error).__name__}: {error}") from error


def _read(asking: socket.socket) -> bytes:
    content = b""
    while (part := asking.recv(MOST_BYTES)) and len(content) < MOST_BYTES:
        content += part
    return content


def _findings(payload: bytes) -> list[Finding]:
    """Those whose words we know: the agent may be of another version than we are."""
    raw: list[dict[str, Any]] = json.loads(payload)
    return [
        Finding(str(one["part"]), one["ok"] is True, str(one["note"]), dict(one["seen"]))
        for one in raw
        if one["note"] in NOTES["en"]
    ]
