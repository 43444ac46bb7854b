"""Serves the list on the school's network, by the standard library alone. Read only."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

from edge_agent.evacuation import page
from edge_agent.evacuation.kept import KeptList, Refresher
from edge_agent.evacuation.opening import Damaged, OpenerKey, WrongKey
from edge_agent.evacuation.sessions import Looks, TooManyTries, Tries
from edge_agent.evacuation.words import WORDS

log = logging.getLogger(__name__)

COOKIE: Final = "evacuation"
LONGEST_BODY: Final = 256
SECONDS_TO_SEND: Final = 10.0  # of a request, else a client that says nothing holds a thread
AT_ONCE: Final = 16
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """``look`` is the secret to set as the cookie; empty takes it away, None leaves it."""

    body: str
    status: int = 200
    look: str | None = None
    kind: str = "text/html"
    location: str | None = None


class Desk:
    """What the page's few addresses do."""

    def __init__(
        self,
        kept: KeptList,
        refresher: Refresher,
        locale: str,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._kept = kept
        self._refresher = refresher
        self._words: Mapping[str, str] = WORDS[locale]
        self._now = now
        self._tries = Tries(monotonic)
        self._looks = Looks(monotonic)
        self._opening = threading.Lock()  # one PIN at a time: each takes 64 MB and a whole core

    def card_tapped(self, token: bytes) -> None:
        """A staff card was read at the gate; returns at once."""
        self._looks.card_tapped(token)

    def front(self, look: str) -> Answer:
        key = self._looks.key_of(look)
        if self._kept.current is None:
            return Answer(page.note_page(self._words, self._words["none"]), 503)
        return self._ask("") if key is None else self._show(key, look)

    def open(self, typed: str) -> Answer:
        """Try a PIN."""
        sealed = self._kept.current
        if sealed is None:
            return self.front("")
        try:
            with self._opening:
                self._tries.check()
                key = OpenerKey.of_pin(typed, sealed)
                key.open(sealed)
        except TooManyTries as error:
            wait = self._words["wait"].format(n=int(error.seconds) + 1)
            return self._ask(wait, 429)
        except WrongKey:
            self._tries.wrong()
            log.warning("evacuation list: a wrong PIN was typed")
            return self._ask(self._words["wrong"], 403)
        except Damaged:
            return self._damaged()
        self._tries.right()
        log.warning("evacuation list: opened by the PIN")
        return Answer("", 303, self._looks.begin(key), location="/")

    def ask_for_card(self) -> Answer:
        look = self._looks.ask_for_card()
        if look is None:
            return self._ask(self._words["busy"], 409)
        return Answer("", 303, look, location="/card")

    def await_card(self, look: str) -> Answer:
        """The page that waits: it leads to the list once the card was tapped."""
        if self._looks.key_of(look) is not None:
            log.warning("evacuation list: opened by a staff card")
            return Answer("", 303, location="/")
        if not self._looks.waits(look):
            return self._ask(self._words["not_opened"], 403)
        return Answer(page.card_page(self._words))

    def close(self, look: str) -> Answer:
        self._looks.end(look)
        return Answer("", 303, "", location="/")

    def _show(self, key: OpenerKey, look: str) -> Answer:
        sealed = self._kept.current
        assert sealed is not None
        try:
            content = key.open(sealed)
        except WrongKey:  # a card that was never registered, or the PIN was changed meanwhile
            self._looks.end(look)
            return self._ask(self._words["wrong_card"], 403)
        except Damaged:
            return self._damaged()
        central = self._refresher.central_reachable
        return Answer(page.list_page(WORDS[content.locale], content, self._now(), central))

    def _ask(self, said: str, status: int = 200) -> Answer:
        central = self._refresher.central_reachable
        return Answer(page.ask_page(self._words, said, central), status)

    def _damaged(self) -> Answer:
        log.error("evacuation list: damaged")
        return Answer(page.note_page(self._words, self._words["damaged"]), 500)


class Server:
    """The page on one address. ``port`` is the one it really has."""

    def __init__(self, desk: Desk, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Raises OSError when the address cannot be had."""
        room = threading.BoundedSemaphore(AT_ONCE)
        handler = type("Handler", (_Handler,), {"desk": desk, "room": room, "secure": tls})
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self._server.server_address[1])

    def run(self, stop: threading.Event) -> None:
        """Serve until ``stop`` is set."""
        serving = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="evacuation page", daemon=True
        )
        serving.start()
        stop.wait()
        self._server.shutdown()
        self._server.server_close()
        serving.join()


class _Handler(BaseHTTPRequestHandler):
    desk: Desk
    room: threading.BoundedSemaphore
    secure: ssl.SSLContext | None
    timeout = SECONDS_TO_SEND
    server_version = "gate"
    sys_version = ""

    def do_GET(self) -> None:
        self._within_room(self._get)

    def do_POST(self) -> None:
        self._within_room(self._post)

    def _within_room(self, work: Callable[[], Answer]) -> None:
        if not self.room.acquire(blocking=False):
            self._send(Answer("busy", 503, kind="text/plain"))
            return
        try:
            self._send(work())
        finally:
            self.room.release()

    def _get(self) -> Answer:
        match self.path.partition("?")[0]:
            case "/":
                return self.desk.front(self._look())
            case "/card":
                return self.desk.await_card(self._look())
            case "/style.css":
                return Answer(page.STYLE, kind="text/css")
        return Answer("", 303, location="/")

    def _post(self) -> Answer:
        if self.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return Answer("no", 403, kind="text/plain")
        fields = self._fields()
        match self.path:
            case "/open":
                return self.desk.open(fields.get("pin", ""))
            case "/card":
                return self.desk.ask_for_card()
            case "/close":
                return self.desk.close(self._look())
        return Answer("", 303, location="/")

    def _fields(self) -> dict[str, str]:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > LONGEST_BODY:
            self.close_connection = True
            return {}
        body = self.rfile.read(int(length)).decode("ascii", "replace")
        return {name: values[0] for name, values in parse_qs(body).items()}

    def _look(self) -> str:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return cookie.value if cookie is not None and cookie.value.isascii() else ""

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{answer.kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if answer.location is not None:
            self.send_header("Location", answer.location)
        if answer.look is not None:
            secure = "; Secure" if self.secure is not None else ""
            age = "" if answer.look else "; Max-Age=0"
            self.send_header(
                "Set-Cookie",
                f"{COOKIE}={answer.look}; HttpOnly; SameSite=Strict; Path=/{secure}{age}",
            )
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing a request: who opened the list is logged by the desk."""
