"""A small HTTP/1.1 server on the standard library, for the emulators' own interfaces.

Connections are kept alive and each has its thread; nothing here is meant for the open internet.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

log = logging.getLogger(__name__)

BIGGEST_BODY = 1_000_000  # bytes; nobody who speaks to an emulator sends more
IDLE_SECONDS = 75  # longer than any client here keeps a connection in its pool


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises Refused; a form of another site cannot send JSON."""
        if not self.headers.get("content-type", "").startswith("application/json"):
            raise Refused(415, "content-type: expected application/json")
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise Refused(400, f"body: not JSON: {error}") from error
        if not isinstance(value, dict):
            raise Refused(400, "body: expected an object")
        return value


@dataclass(frozen=True, slots=True)
class Response:
    """``stream`` instead of ``body`` keeps the connection open until it ends."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None


class Refused(Exception):
    """A request that cannot be served; ``problem`` names what is wrong, first of all the field."""

    def __init__(self, status: int, problem: str, **more: Any) -> None:
        super().__init__(problem)
        self.status = status
        self.answer = {"error": problem, **more}


class HangUp(Exception):
    """Close the connection without an answer, as a server does that dies in the middle."""


def as_json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=False).encode(), status)


@dataclass(frozen=True, slots=True)
class Route:
    """``path`` is a regular expression; ``view`` gets the request and the path's groups."""

    method: str
    path: str
    view: Callable[..., Response]


class Site:
    """Finds the view for a request; knows no socket."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(route.method, re.compile(route.path), route.view) for route in routes]

    def answer(self, request: Request) -> Response:
        """Raises HangUp where the view wants none."""
        try:
            return self._view(request)
        except Refused as refused:
            return as_json(refused.answer, refused.status)

    def _view(self, request: Request) -> Response:
        known = False
        for method, path, view in self._routes:
            match = path.fullmatch(request.path)
            if match and method == request.method:
                return view(request, *match.groups())
            known = known or bool(match)
        if known:
            raise Refused(405, f"method: {request.method} is not for {request.path}")
        raise Refused(404, f"path: there is no {request.path}")


class Server(ThreadingHTTPServer):
    """Serves ``site`` until ``shutdown``. Port 0 takes a free one, found in ``port``."""

    daemon_threads = True
    block_on_close = False  # a view that hangs on purpose must not hold up the end
    request_queue_size = 128

    def __init__(self, host: str, port: int, site: Site) -> None:
        super().__init__((host, port), _Connection)
        self.site = site

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exception(), ConnectionError):
            return  # the client went away: a killed worker, a closed browser tab
        log.exception("request from %s failed", client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536  # head and body leave in one packet
    timeout = IDLE_SECONDS
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        try:
            body = self._body()
            response = self.server.site.answer(self._request(body))
        except Refused as refused:
            self.close_connection = True  # the body was not read: what follows is not a request
            response = as_json(refused.answer, refused.status)
        except HangUp:
            self.close_connection = True
            return
        if response.stream is None:
            self._send(response)
        else:
            self._stream(response, iter(response.stream))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or "Transfer-Encoding" in self.headers:
            raise Refused(411, "content-length: expected a number")
        if int(length) > BIGGEST_BODY:
            raise Refused(413, f"body: at most {BIGGEST_BODY} bytes")
        return self.rfile.read(int(length))

    def _request(self, body: bytes) -> Request:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, unquote(url.path), query, headers, body)

    def _head(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in response.headers.items():
            self.send_header(name, value)

    def _send(self, response: Response) -> None:
        self._head(response)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def _stream(self, response: Response, chunks: Iterator[bytes]) -> None:
        self.close_connection = True  # its end is the end of the answer
        self._head(response)
        self.end_headers()
        self.wfile.flush()
        for chunk in chunks:
            self.wfile.write(chunk)
            self.wfile.flush()

    def version_string(self) -> str:
        return "emulator"

    def log_request(self, code: HTTPStatus | int | str = "-", size: int | str = "-") -> None:
        """Nothing: paths hold telephone numbers."""

    def log_message(self, format: str, *arguments: Any) -> None:
        log.debug(format, *arguments)
