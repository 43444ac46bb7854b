"""Reading one JSON object strictly: every complaint names the field and what it should be.

Text that reaches a database or a log is matched against a pattern of printable ASCII, so that a
device cannot smuggle in control characters or a NUL, which PostgreSQL refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

BIGGEST = 2**63 - 1  # PostgreSQL's bigint; a larger number would fail at the database, not here

CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,63}")
HEX = re.compile(r"(?:[0-9a-f]{2})+")
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_YEARS = range(1900, 2200)  # far wider than any clock; the ends of the calendar overflow in UTC
_TOO_FINE = re.compile(r"(\.\d{6})\d+")  # RFC 3339 allows nanoseconds, datetime holds microseconds


class ContractError(ValueError):
    """The payload is not a message that this version understands; the text names the field."""


def load(
    payload: bytes, instead: Callable[[dict[str, Any]], object] | None = None
) -> dict[str, Any]:
    """The JSON object in ``payload``. Raises ContractError for anything else.

    ``instead`` is given each object as it is read and says what to keep of it, so that a long list
    need not be in memory twice.
    """
    try:
        value = json.loads(payload, object_hook=instead)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"payload: not JSON ({type(error).__name__})") from error
    return an_object(value, "payload")


def dump(value: dict[str, Any]) -> bytes:
    """Compact UTF-8 JSON of ``value`` without the keys that are None.

    Half a pair of surrogates, which JSON can escape and UTF-8 cannot hold, becomes a ``?``.
    """
    kept = {key: item for key, item in value.items() if item is not None}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def an_object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ContractError(f"{name}: expected an object, got {_kind(value)}")
    return value


def a_list(value: Any, name: str, *, at_most: int) -> list[Any]:
    if not isinstance(value, list):
        raise ContractError(f"{name}: expected a list, got {_kind(value)}")
    if len(value) > at_most:
        raise ContractError(f"{name}: {len(value)} items, at most {at_most} are allowed")
    return value


def whole(raw: dict[str, Any], name: str, *, least: int = 0, most: int = BIGGEST) -> int:
    value = raw.get(name)
    if type(value) is not int:  # bool is an int in Python, and true is not a number on the wire
        raise ContractError(f"{name}: expected a whole number, got {_kind(value)}")
    if not least <= value <= most:
        raise ContractError(f"{name}: must be between {least} and {most}")
    return value


def text(raw: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = raw.get(name)
    if not isinstance(value, str):
        raise ContractError(f"{name}: expected text, got {_kind(value)}")
    if not pattern.fullmatch(value):
        raise ContractError(f"{name}: does not match {pattern.pattern}")
    return value


def optional_text(raw: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str | None:
    return None if raw.get(name) is None else text(raw, name, pattern)


def one_of(raw: dict[str, Any], name: str, allowed: frozenset[str]) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or value not in allowed:
        raise ContractError(f"{name}: expected one of {', '.join(sorted(allowed))}")
    return value


def truth(raw: dict[str, Any], name: str) -> bool:
    value = raw.get(name)
    if not isinstance(value, bool):
        raise ContractError(f"{name}: expected true or false, got {_kind(value)}")
    return value


def moment(raw: dict[str, Any], name: str) -> datetime:
    """An RFC 3339 time with its offset, as an aware datetime."""
    value = raw.get(name)
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ContractError(f"{name}: expected an RFC 3339 time with offset")
    try:
        at = datetime.fromisoformat(_TOO_FINE.sub(r"\1", value.upper()))
    except ValueError as error:
        raise ContractError(f"{name}: {error}") from error
    if at.year not in _YEARS:
        raise ContractError(f"{name}: the year must be between {_YEARS[0]} and {_YEARS[-1]}")
    return at


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true/false", type(None): "null"}
    return names.get(type(value), "a number")
