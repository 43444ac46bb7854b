"""Small HTTP requests to servers on loopback."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

SECONDS = 30

# No proxy from the environment: everything asked for here is on this machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str) -> bool:
    """Whether ``url`` is answered with 200."""
    try:
        with _DIRECT.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:  # urllib's errors are
        return False


def get_json(url: str) -> Any:
    """The JSON at ``url``. Raises OSError."""
    with _DIRECT.open(url, timeout=SECONDS) as answer:
        return json.load(answer)


def post_json(url: str, body: Mapping[str, Any]) -> Any:
    """The JSON answer to ``body``. Raises OSError."""
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with _DIRECT.open(request, timeout=SECONDS) as answer:
        return json.load(answer)
