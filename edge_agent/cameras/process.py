"""A camera's process as the agent sees it: started, asked, listened to, killed."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from edge_agent.cameras.base import CameraUnavailable
from edge_agent.cameras.signals import FAULT, TAKE, Incoming

log = logging.getLogger(__name__)

_PIECE: Final = 65_536
_END_SECONDS: Final = 1.0


class CameraProcess:
    """Used by one thread. Nothing here waits for the camera."""

    def __init__(self, driver: str, path: str) -> None:
        """Raises OSError when no process can be started."""
        self._socket, theirs = socket.socketpair()
        number = theirs.fileno()
        arguments = [sys.executable, "-m", "edge_agent.cameras", driver, path, str(number)]
        try:
            self._process = subprocess.Popen(
                arguments, pass_fds=(number,), stdin=subprocess.DEVNULL
            )
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()
        self._socket.setblocking(False)
        self._incoming = Incoming()

    def fileno(self) -> int:
        """To wait for what it says."""
        return self._socket.fileno()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask_for_a_picture(self) -> None:
        """Raises CameraUnavailable."""
        try:
            self._socket.send(TAKE)
        except OSError as error:
            raise CameraUnavailable("its process has ended") from error

    def heard(self) -> Iterator[tuple[bytes, bytes]]:
        """What it has said since. Raises CameraUnavailable when it says a fault or has ended."""
        try:
            piece = self._socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError as error:
            raise CameraUnavailable("its process has ended") from error
        if not piece:
            raise CameraUnavailable("its process has ended")
        try:
            for kind, content in self._incoming.add(piece):
                if kind == FAULT:
                    raise CameraUnavailable(content.decode(errors="replace"))
                yield kind, content
        except ValueError as error:
            raise CameraUnavailable(str(error)) from error

    def kill(self) -> None:
        """Whatever it does; safe to repeat."""
        self._socket.close()
        self._process.kill()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:  # inside the kernel, where nothing can be ended
            log.error("the camera's process %d cannot be ended", self._process.pid)
