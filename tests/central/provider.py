"""A messaging provider for tests: real HTTP on loopback, whose answers the test decides."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

TOKEN = "token-of-the-test-provider"


@dataclass
class Answer:
    """What to answer, and ``after`` what.

    ``hang`` waits until the provider closes; ``cut`` closes the connection without a word.
    """

    status: int = 200
    body: bytes | None = None  # None: accepted, with an id made of the reference
    hang: bool = False
    cut: bool = False
    after: threading.Event | None = None


def refusal(code: int, status: int = 400, message: str = "what Meta says") -> Answer:
    error = {"message": message, "type": "OAuthException", "code": code}
    return Answer(status, json.dumps({"error": error}).encode())


ACCEPTED = Answer()
Decide = Callable[[dict[str, Any]], Answer]


@dataclass
class Provider:
    """Records each request; ``decide`` says what is answered, from many threads at once."""

    decide: Decide = lambda _: ACCEPTED
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)  # the client's port of each request

    def __enter__(self) -> Self:
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.provider = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def references(self) -> list[str]:
        """Our references of all requests, in the order of arrival."""
        return [request["biz_opaque_callback_data"] for request in self.requests]


class _Server(ThreadingHTTPServer):
    provider: Provider
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        provider = self.server.provider
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        provider.connections.append(self.client_address[1])
        provider.headers.append(dict(self.headers))
        provider.requests.append(request)
        answer = provider.decide(request)
        if answer.hang:
            provider.closing.wait()
        if answer.after is not None:
            answer.after.wait(timeout=60)
        if answer.hang or answer.cut:
            self.close_connection = True
            return
        body = answer.body
        if body is None:
            message_id = f"wamid.{request['biz_opaque_callback_data']}"
            body = json.dumps({"messages": [{"id": message_id}]}).encode()
        with suppress(OSError):  # the client gave up waiting
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
