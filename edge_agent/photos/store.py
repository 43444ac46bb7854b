"""Putting a file at an address that central gave us, which opens for that one file."""

from __future__ import annotations

import contextlib
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from edge_agent import VERSION
from edge_agent.clock import Clock
from edge_agent.trust import mind_the_clock, trust

TIMEOUT_SECONDS: Final = 10.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})


class StoreUnavailable(Exception):
    """The store did not take it; with a new address it may."""


def put(address: str, content: bytes, clock: Clock) -> None:
    """Raises StoreUnavailable."""
    url = urlsplit(address)
    if url.scheme != "https" and url.hostname not in _LOOPBACK:
        raise StoreUnavailable("the address is not https")
    try:
        with contextlib.closing(_connection(url, clock)) as connection:
            path = f"{url.path}?{url.query}" if url.query else url.path
            connection.request("PUT", path, content, {"User-Agent": f"school-gate/{VERSION}"})
            response = connection.getresponse()
            response.read(10_000)
    except (OSError, HTTPException, ValueError) as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
    if response.status >= 300:
        raise StoreUnavailable(f"the store answers {response.status}")


def _connection(url: SplitResult, clock: Clock) -> HTTPConnection:
    host = url.hostname or ""
    if url.scheme != "https":
        return HTTPConnection(host, url.port, timeout=TIMEOUT_SECONDS)
    context: ssl.SSLContext = trust(None)
    mind_the_clock(context, clock().clock)
    return HTTPSConnection(host, url.port, timeout=TIMEOUT_SECONDS, context=context)
