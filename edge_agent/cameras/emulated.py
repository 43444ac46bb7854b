"""A camera of an emulated gate: pictures from a Unix socket."""

from __future__ import annotations

import socket

from edge_agent.cameras.base import CameraUnavailable


class EmulatedCamera:
    """Asks with the line ``take``; the answer is four bytes of length, then so many of JPEG."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def open(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self._path)
        except OSError as error:
            connection.close()
            raise CameraUnavailable(f"nobody at {self._path}: {error.strerror}") from error
        self._socket = connection

    def take(self) -> bytes:
        """Raises CameraUnavailable."""
        assert self._socket is not None
        try:
            self._socket.sendall(b"take\n")
            length = int.from_bytes(self._exactly(4), "big")
            return self._exactly(length)
        except OSError as error:
            raise CameraUnavailable(f"{type(error).__name__}: {error}") from error

    def check(self) -> None:
        """Whether it would answer cannot be seen in advance; that it hung up can."""
        assert self._socket is not None
        try:
            said = self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            raise CameraUnavailable(f"{type(error).__name__}: {error}") from error
        if not said:
            raise CameraUnavailable("hung up")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exactly(self, count: int) -> bytes:
        assert self._socket is not None
        content = self._socket.recv(count, socket.MSG_WAITALL)
        if len(content) < count:
            raise CameraUnavailable("hung up")
        return content


def make(path: str) -> EmulatedCamera:
    return EmulatedCamera(path)
