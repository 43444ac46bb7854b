"""Serves the screen's page on loopback, by the standard library alone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any, Final

from edge_agent.answer_settings import ScreenSettings
from edge_agent.screen.hub import Screen
from edge_agent.screen.words import WORDS

log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
SECONDS_TO_ASK: Final = 10.0
_AGAIN_SECONDS: Final = 30.0  # until a port that is in use is tried again
_FILES: Final = Path(__file__).parent / "page"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src data:; form-action 'none'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class ScreenPage:
    """The page of ``screen``, served in a thread of its own."""

    def __init__(self, settings: ScreenSettings, screen: Screen) -> None:
        self._port = settings.port
        self._screen = screen
        self._files = _page(settings)

    def serve(self, stop: threading.Event) -> None:
        """Serve until ``stop`` is set. A port in use costs the screen, not the gate."""
        said = False
        while not stop.is_set():
            try:
                server = _server(self._port, self._screen, self._files)
            except OSError as error:
                if not said:
                    log.error("the screen cannot be served: %s", error)
                said = True
                stop.wait(_AGAIN_SECONDS)
                continue
            log.info("screen at http://%s:%d/", HOST, server.server_address[1])
            serving = threading.Thread(
                target=server.serve_forever, args=(0.2,), name="screen page", daemon=True
            )
            serving.start()
            stop.wait()
            self._screen.close()
            server.shutdown()
            server.server_close()
            serving.join()


def _server(
    port: int, screen: Screen, files: Mapping[str, tuple[str, bytes]]
) -> ThreadingHTTPServer:
    hosts = frozenset({f"{HOST}:{port}", f"localhost:{port}"})
    handler = type("Handler", (_Handler,), {"screen": screen, "files": files, "hosts": hosts})
    server = ThreadingHTTPServer((HOST, port), handler)
    server.daemon_threads = True
    return server


def _page(settings: ScreenSettings) -> Mapping[str, tuple[str, bytes]]:
    """Path → kind and content; each is small, and read once."""
    words = {name: escape(word) for name, word in WORDS[settings.locale].items()}
    document = Template((_FILES / "index.html").read_text()).substitute(
        words,
        locale=settings.locale,
        zone=escape(settings.zone.key),
        sound="on" if settings.sound else "off",
    )
    return {
        "/": ("text/html", document.encode()),
        "/screen.css": ("text/css", (_FILES / "screen.css").read_bytes()),
        "/screen.js": ("text/javascript", (_FILES / "screen.js").read_bytes()),
        "/sounds.js": ("text/javascript", (_FILES / "sounds.js").read_bytes()),
    }


class _Handler(BaseHTTPRequestHandler):
    screen: Screen
    files: Mapping[str, tuple[str, bytes]]
    hosts: frozenset[str]
    timeout = SECONDS_TO_ASK
    server_version = "gate"
    sys_version = ""

    def do_GET(self) -> None:
        if self.headers.get("Host", "") not in self.hosts:
            # a page elsewhere whose name was made to lead here (DNS rebinding)
            self._send(421, "text/plain", b"not here")
            return
        if self.path == "/events":
            self._stream()
            return
        kind, content = self.files.get(self.path, ("", b""))
        if kind:
            self._send(200, kind, content)
        else:
            self._send(404, "text/plain", b"nothing here")

    def _stream(self) -> None:
        self._begin(200, "text/event-stream")
        self.end_headers()
        try:
            for event in self.screen.events():
                self.wfile.write(event)
        except OSError:  # the browser went away
            return

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self._begin(status, kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _begin(self, status: int, kind: str) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing a request: a kiosk asks once a day."""
