"""Lists as array parameters, written for batches of hundreds of rows.

psycopg's own way asks a regular expression of every element whether it needs quotes: a fifth of
all the time that ingest spends on a tap. The types that our statements use know it beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from psycopg.adapt import Buffer, Dumper
from sqlalchemy import Engine, event


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_LITERALS: Final[dict[type[Any], Callable[[Any], str]]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: "t" if value else "f",
    int: str,
    date: date.isoformat,
    datetime: datetime.isoformat,
    str: _quoted,
    bytes: lambda value: f'"\\\\x{value.hex()}"',
}


class ArrayDumper(Dumper):
    """A flat list in PostgreSQL's text form. Its type is what the statement casts it to."""

    def dump(self, obj: list[Any]) -> Buffer:
        try:
            return ("{" + ",".join([_LITERALS[type(item)](item) for item in obj]) + "}").encode()
        except KeyError as error:
            raise TypeError(f"no array element: {error}") from error


def use_fast_arrays(engine: Engine) -> None:
    """Let every connection that ``engine`` makes from now on send lists in this way."""
    event.listen(engine, "connect", _register)


def _register(connection: Any, _record: Any) -> None:
    connection.adapters.register_dumper(list, ArrayDumper)
