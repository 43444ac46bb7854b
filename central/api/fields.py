"""Kinds of values in requests and answers, each as strict as its JSON schema says.

Pydantic alone is more lenient than the schema it writes: it takes ``0`` for a date, ``"15"`` or
``true`` for a number, and ``1_000`` for a thousand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

LARGEST_ID: Final = 2**53 - 1  # beyond it a number in JSON is no longer exact everywhere

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_CLOCK: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _whole_text(value: Any) -> Any:
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


def _whole_number(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError("must be a whole number")
    return value


def _date_text(value: Any) -> Any:
    if not isinstance(value, date) and not (isinstance(value, str) and _DATE.fullmatch(value)):
        raise ValueError("must be a date such as 2026-03-04")
    return value


def _clock_text(value: Any) -> Any:
    return value.isoformat("minutes") if isinstance(value, time) else value


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


# The bounds come first: after a validator pydantic no longer writes them into the schema.
Id = Annotated[int, Field(ge=1, le=LARGEST_ID), BeforeValidator(_whole_text)]
BodyWhole: Final = BeforeValidator(_whole_number)  # after a Field with bounds
BodyId = Annotated[int, Field(ge=1, le=LARGEST_ID), BeforeValidator(_whole_number)]
Offset = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(_whole_text)]
Limit = Annotated[int, Field(ge=1, le=200), BeforeValidator(_whole_text)]
Day = Annotated[date, BeforeValidator(_date_text)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]  # in answers, always as UTC

# What a school's clock on the wall shows, on whatever date: 07:55.
WallClock = Annotated[str, Field(pattern=_CLOCK), BeforeValidator(_clock_text)]

# A file inside a body. The pattern is all of base64, so what it lets through can be decoded.
Base64 = Annotated[
    str,
    Field(
        min_length=4,
        pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        json_schema_extra={"contentEncoding": "base64"},
    ),
]


@dataclass(frozen=True)
class OneOf:
    """Annotates a string that is one of the words that a model knows."""

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(list(self.words))


class Request(BaseModel):
    """A query string or a body. What it does not name is refused, so that no typo is ignored."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Request):
    """The query string of a resource that takes none."""


class Answer(BaseModel):
    """A representation, made from a row or a plain value with these attributes."""

    model_config = ConfigDict(from_attributes=True)
