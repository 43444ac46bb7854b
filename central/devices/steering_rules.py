"""What a gate may be told to do and to be, and how an order stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

COMMANDS: Final = ("identify", "restart", "logs", "sync", "selftest", "photo-test")
SHORTEST_LIFE: Final = timedelta(seconds=10)
LONGEST_LIFE: Final = timedelta(hours=1)  # an order from yesterday surprises whoever stands there
# how long after its end an answer may still be on its way
GRACE: Final = timedelta(minutes=1)


def state_of(
    *,
    sent_at: datetime | None,
    answered_at: datetime | None,
    ok: bool | None,
    expires_at: datetime,
    now: datetime,
) -> str:
    """``queued``, ``sent``, ``done``, ``failed``, or ``unanswered`` when nothing came back."""
    if answered_at is not None:
        return "done" if ok else "failed"
    if now >= expires_at + GRACE:
        return "unanswered"
    return "queued" if sent_at is None else "sent"


def wire_id(command_id: int) -> str:
    """How the device names the order in its answer."""
    return f"c-{command_id}"


def command_of(wire: str) -> int | None:
    """The inverse of ``wire_id``; None for a name that central never gave."""
    number = wire.removeprefix("c-")
    known = wire.startswith("c-") and number.isascii() and number.isdigit() and len(number) <= 18
    return int(number) if known else None


def changed(desired: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration after ``changes``; a key with None goes back to the device's own."""
    merged = {**desired, **changes}
    return {key: value for key, value in merged.items() if value is not None}
