"""A central that answers as a test says, over real HTTP or HTTPS."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    token: str
    etag: str | None
    connection: int  # the client's port: the same while it keeps the connection
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False  # without a word that we will


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """What was asked is kept instead."""

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self._reply(self.rfile.read(int(self.headers["Content-Length"])))

    do_PUT = do_POST

    def _reply(self, body: bytes = b"") -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        etag = self.headers["If-None-Match"]
        asked = Asked(self.command, self.path, token, etag, self.client_address[1], body)
        self.server.asked.append(asked)
        reply = self.server.answer(asked)
        packed = reply.headers.get("Content-Encoding") == "gzip"
        body = gzip.compress(reply.body) if packed else reply.body
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = reply.hang_up


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Callable[[Asked], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Asked] = []

    def handle_error(self, *_: object) -> None:
        """A client that does not believe us hangs up; that is its test's concern."""


class Website:
    """Answers each request with what ``answer`` makes of it."""

    def __init__(
        self, answer: Callable[[Asked], Reply], certificate: tuple[Path, Path] | None = None
    ) -> None:
        self._server = _Server(answer)
        self.asked = self._server.asked
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def a_key_file(folder: Path) -> Path:
    """A device's key, as PEM."""
    path = folder / "device.key"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def public_half(path: Path) -> bytes:
    """As central keeps it: SubjectPublicKeyInfo, DER."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
