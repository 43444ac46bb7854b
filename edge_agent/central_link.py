"""Requests to central over HTTPS, in this device's name.

For whoever needs something that is too large for MQTT: the roster, the sealed evacuation list, the
address for a photo. Never for the tap path, which knows no network.

    link = CentralLink(central_settings, device_key, clock)    # cheap; connects on first use
    answer = link.get("/api/v1/devices/me/roster", etag=kept)  # kept: the etag of the last answer
    if answer.status == 304: ...                               # nothing new
    else: use(answer.body, answer.etag)

``CentralUnavailable`` means: try again later (with ``Backoff``, in one's own thread). With
``CentralRefused`` the same request will be refused again until somebody changes something.
"""

from __future__ import annotations

import contextlib
import json
import logging
import ssl
import threading
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final

from edge_agent import VERSION
from edge_agent.clock import Clock
from edge_agent.device_key import DeviceKey
from edge_agent.settings import CentralSettings
from edge_agent.trust import mind_the_clock, trust

log = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 10.0  # for each step of connecting and between two bytes
MOST_BYTES: Final = 8 * 1024 * 1024  # of an answer, unpacked: a roster of 5,000 cards is under one
_NOTABLE_SKEW: Final = timedelta(seconds=20)
_UNAUTHORISED: Final = 401
_TOO_MANY: Final = 429
_TIMED_OUT: Final = 408


class CentralUnavailable(Exception):
    """No answer, a broken one, or "not now": the same request may succeed later."""


class CentralRefused(Exception):
    """Central answered that it will not; ``status`` is HTTP's, ``code`` its own, if it gave one."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(f"central refuses: {status} {code}".rstrip())
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Response:
    """``status`` is below 400; ``body`` is unpacked; ``etag`` is to be given back as it is."""

    status: int
    body: bytes
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    etag: str | None
    date: str | None


class CentralLink:
    """One kept-alive connection. Threads may share it, one request at a time; or make their own."""

    def __init__(self, settings: CentralSettings, key: DeviceKey | None, clock: Clock) -> None:
        """Without ``key`` requests are in nobody's name, as before enrolment."""
        self._settings = settings
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._ahead = timedelta(0)  # how far central's clock is ahead of ours
        self._trust = trust(settings.ca_file) if settings.secure else None

    def get(self, path: str, etag: str | None = None) -> Response:
        """What is at ``path`` now; status 304 without a body if it is still ``etag``.

        Raises CentralUnavailable and CentralRefused.
        """
        headers = {} if etag is None else {"If-None-Match": etag}
        return self._send(_Request("GET", path, headers))

    def post(self, path: str, body: bytes) -> Response:
        """Send a JSON document. May arrive twice when the connection breaks.

        Raises CentralUnavailable and CentralRefused.
        """
        return self._send(_Request("POST", path, {"Content-Type": "application/json"}, body))

    def put(self, path: str, content: bytes) -> Response:
        """Put bytes at one of central's own paths. May arrive twice when the connection breaks.

        Raises CentralUnavailable and CentralRefused.
        """
        headers = {"Content-Type": "application/octet-stream"}
        return self._send(_Request("PUT", path, headers, content))

    def close(self) -> None:
        """Let go of the connection; the next request makes a new one."""
        with self._lock:
            self._hang_up()

    def _send(self, request: _Request) -> Response:
        with self._lock:
            answer = self._exchange(request)
            if answer.status == _UNAUTHORISED and self._learn_time(answer.date):
                answer = self._exchange(request)
        if answer.status >= 500 or answer.status in (_TOO_MANY, _TIMED_OUT):
            raise CentralUnavailable(f"central answers {answer.status}")
        if answer.status >= 400:
            raise CentralRefused(answer.status, _code(answer.body))
        return Response(answer.status, answer.body, answer.etag)

    def _learn_time(self, date: str | None) -> bool:
        """Whether central's clock differs from what we took it for; from now on we go by it.

        A device that does not know the time can so still sign a token that holds now.
        """
        try:
            central_now = parsedate_to_datetime(date or "")
        except ValueError:
            return False
        ahead = central_now - self._clock().at
        if abs(ahead - self._ahead) < _NOTABLE_SKEW:
            return False
        log.warning("central's clock differs from ours by %d s", ahead.total_seconds())
        self._ahead = ahead
        return True

    def _exchange(self, request: _Request) -> _Answer:
        reused = self._connection is not None
        try:
            return self._exchange_once(request)
        except (ConnectionError, HTTPException) as error:
            if not reused:
                raise CentralUnavailable(f"{type(error).__name__}: {error}") from error
        except OSError as error:
            raise CentralUnavailable(f"{type(error).__name__}: {error}") from error
        # central had closed a connection that was idle: that says nothing about central
        try:
            return self._exchange_once(request)
        except (OSError, HTTPException) as error:
            raise CentralUnavailable(f"{type(error).__name__}: {error}") from error

    def _exchange_once(self, request: _Request) -> _Answer:
        try:
            connection = self._connection or self._connect()
            headers = {
                **self._proof(),
                "Accept-Encoding": "gzip",
                "User-Agent": f"school-gate/{VERSION}",
                **request.headers,
            }
            connection.request(request.method, request.path, request.body, headers)
            return self._read(connection.getresponse())
        except (OSError, HTTPException):
            self._hang_up()
            raise

    def _proof(self) -> dict[str, str]:
        if self._key is None:
            return {}
        return {"Authorization": f"Bearer {self._key.token(self._now())}"}

    def _read(self, response: HTTPResponse) -> _Answer:
        content = response.read(MOST_BYTES + 1)
        if response.getheader("Content-Encoding") == "gzip":
            content = _unpacked(content)
        if len(content) > MOST_BYTES:
            raise HTTPException("the answer is too long")
        if response.will_close:
            self._hang_up()
        date = response.getheader("Date")
        return _Answer(response.status, content, response.getheader("ETag"), date)

    def _connect(self) -> HTTPConnection:
        host, port = self._settings.host, self._settings.port
        if self._trust is None:
            self._connection = HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        else:
            mind_the_clock(self._trust, self._clock().clock)
            self._connection = HTTPSConnection(
                host, port, timeout=TIMEOUT_SECONDS, context=self._trust
            )
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError, ssl.SSLError):
                self._connection.close()
        self._connection = None

    def _now(self) -> datetime:
        return (self._clock().at + self._ahead).astimezone(UTC)


def _code(body: bytes) -> str:
    """The stable code in a problem (RFC 9457); empty if it is none of central's."""
    try:
        code = json.loads(body)["code"]
    except (ValueError, KeyError, TypeError):
        return ""
    return code if isinstance(code, str) else ""


def _unpacked(content: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)  # gzip
    try:
        plain = unpacking.decompress(content, MOST_BYTES + 1)
    except zlib.error as error:
        raise HTTPException(f"not gzip: {error}") from error
    if not unpacking.eof and len(plain) <= MOST_BYTES:
        raise HTTPException("the answer was cut off")
    return plain
