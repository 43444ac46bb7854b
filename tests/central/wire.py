"""A wire between ingest and its broker that can swallow what ingest says, as a dying one does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

PIECE = 65_536


class Wire:
    """Listens on ``port`` and passes everything to the broker and back, until it is cut."""

    host = "127.0.0.1"

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._swallowing = threading.Event()
        self._listener = socket.create_server((self.host, 0))
        self._ends: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self._begin(self._accept)

    def swallow(self) -> None:
        """From now on the broker hears nothing more, though it is still heard."""
        self._swallowing.set()

    def cut(self) -> None:
        """End all connections; the broker notices at once."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cut()

    def _begin(self, work: Callable[..., None], *ends: socket.socket) -> None:
        thread = threading.Thread(target=work, args=ends)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was cut
            while True:
                client, _ = self._listener.accept()
                broker = socket.create_connection((self.host, self._broker_port))
                self._ends += [client, broker]
                self._begin(self._upwards, client, broker)
                self._begin(self._downwards, broker, client)

    def _upwards(self, client: socket.socket, broker: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(PIECE):
                if not self._swallowing.is_set():
                    broker.sendall(piece)

    def _downwards(self, broker: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := broker.recv(PIECE):
                client.sendall(piece)
