"""What the running agent lets the updater see of itself, once every few seconds."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FRESH_S: Final = 15.0  # the agent writes each five seconds, and a Pi can be busy


@dataclass(frozen=True, slots=True)
class Sign:
    """``up_s`` is when it was written, in seconds since boot: a clock that nobody sets.

    ``online``: the broker lets the agent in. ``readers``: how many of them are ready.
    """

    version: str
    pid: int
    up_s: float
    online: bool
    readers: int


@dataclass(frozen=True, slots=True)
class Before:
    """What the version before achieved here: a new one may not be worse."""

    online: bool
    readers: int


NOTHING: Final = Before(online=False, readers=0)


def up_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def write_sign(path: Path, sign: Sign) -> None:
    """Replace the file. It is in memory (``/run``), so nothing wears out. Raises OSError."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(asdict(sign)))
    draft.replace(path)


def read_sign(path: Path) -> Sign | None:
    """What the file says; None if there is none or it is of no use.

    Read by root in a folder of the agent's, so no link is followed.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            raw = json.loads(file.read(4096))
        return Sign(
            str(raw["version"]),
            int(raw["pid"]),
            float(raw["up_s"]),
            raw["online"] is True,
            int(raw["readers"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def complaint(sign: Sign | None, version: str, before: Before, now_s: float) -> str | None:
    """Why this sign does not show a working ``version``, as a stable code; None: it works."""
    if sign is None or now_s - sign.up_s > FRESH_S:
        return "no_sign_of_life"
    if sign.version != version:
        return "other_version"
    if before.online and not sign.online:
        return "not_online"
    if sign.readers < before.readers:
        return "reader_lost"
    return None
