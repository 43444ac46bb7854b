"""Keyset paging: a page goes on after the last row of the one before, whatever was added since.

A cursor is that row's key, in base64url. It is not signed and hides nothing; it can only say where
to go on in what its bearer may read anyway. Every well-formed cursor means some place.
"""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date
from typing import Annotated, Any, Final

from pydantic import Field

from central.api.fields import Answer, Limit, Request

FIRST: Final = 0  # before every id
_ID: Final = struct.Struct(">q")
_DAY: Final = struct.Struct(">Iq")

IdCursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{11}$")]
DayCursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16}$")]


class PageQuery(Request):
    limit: Limit = 50


class Page(Answer):
    """``next`` is the cursor of the following page, null on the last one."""

    next: str | None


def id_cursor(row_id: int) -> str:
    return _encoded(_ID.pack(row_id))


def id_after(cursor: str | None) -> int:
    """The id after which the page begins."""
    return FIRST if cursor is None else int(_ID.unpack(_decoded(cursor))[0])


def day_cursor(on_date: date, row_id: int) -> str:
    return _encoded(_DAY.pack(on_date.toordinal(), row_id))


def day_after(cursor: str | None) -> tuple[date, int]:
    """The date and id after which the page begins."""
    if cursor is None:
        return date.min, FIRST
    ordinal, row_id = _DAY.unpack(_decoded(cursor))
    return date.fromordinal(min(max(ordinal, 1), date.max.toordinal())), row_id


def cut(rows: list[Any], limit: int) -> tuple[list[Any], Any | None]:
    """The page out of ``limit + 1`` rows, and its last row if more follow."""
    page = rows[:limit]
    return page, page[-1] if len(rows) > limit else None


def _encoded(key: bytes) -> str:
    return urlsafe_b64encode(key).rstrip(b"=").decode()


def _decoded(cursor: str) -> bytes:
    return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
