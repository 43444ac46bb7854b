"""The school's webhook, as small as a test needs it: keeps what it is sent, answers as told."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Received:
    signature: str
    body: bytes

    @property
    def value(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["entry"][0]["changes"][0]["value"]
        return found

    @property
    def status(self) -> dict[str, Any]:
        """The status it tells of, empty for a guardian's message."""
        return dict(self.value.get("statuses", [{}])[0])


class Sink(ThreadingHTTPServer):
    """``answer`` gives the HTTP status for the n-th post, from 1."""

    daemon_threads = True

    def __init__(self, port: int = 0, answer: Callable[[int], int] = lambda _number: 200) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer = answer
        self.received: list[Received] = []
        self.posts = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks/whatsapp"

    def statuses(self, id_: str) -> list[str]:
        """The statuses told of a message, in the order of their arrival."""
        return [str(it.status["status"]) for it in self.received if it.status.get("id") == id_]

    def told_of(self, id_: str) -> dict[str, Received]:
        """The last post about each status of a message."""
        return {it.status["status"]: it for it in self.received if it.status.get("id") == id_}

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.posts += 1
            status = self.server.answer(self.server.posts)
            if status == 200:
                signature = self.headers["X-Hub-Signature-256"]
                self.server.received.append(Received(signature, body))
        self._answer(status, b"")

    def do_GET(self) -> None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        right = query.get("hub.verify_token") == "check me"
        self._answer(200 if right else 403, query["hub.challenge"].encode() if right else b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


def hmac_sha256(key: bytes, message: bytes) -> str:
    """RFC 2104 written out, so that a signature is not checked with the code that made it."""
    padded = key.ljust(64, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).hexdigest()
