"""The message templates as approved by Meta, and how their texts read.

The provider holds the texts; sending names a template, a language and its parameters in order.
The texts here are for the message log and must be the approved ones: after a change at the
provider, change them here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from central.notifications.channel import Message

DEFAULT_LANGUAGE: Final = "es"


@dataclass(frozen=True, slots=True)
class Template:
    """``bodies`` by language; ``{{1}}``, ``{{2}}``, … stand for the parameters in order."""

    name: str
    parameters: tuple[str, ...]
    bodies: dict[str, str]

    def language(self, locale: str) -> str:
        """The language in which a reader of ``locale`` gets this template."""
        return locale if locale in self.bodies else DEFAULT_LANGUAGE


_PLACEHOLDER: Final = re.compile(r"\{\{(\d+)\}\}")
_PARAMETERS: Final = ("given_name", "time", "gate")

TEMPLATES: Final = {
    "entry": Template(
        "ingreso_ok",
        _PARAMETERS,
        {
            "es": "Te informamos que {{1}} ingresó al colegio a las {{2}} por {{3}}. "
            "Aviso automático del colegio.",
            "en": "We let you know that {{1}} arrived at school at {{2}} through {{3}}. "
            "Automatic notice from the school.",
        },
    ),
    "exit": Template(
        "salida_ok",
        _PARAMETERS,
        {
            "es": "Te informamos que {{1}} salió del colegio a las {{2}} por {{3}}. "
            "Aviso automático del colegio.",
            "en": "We let you know that {{1}} left school at {{2}} through {{3}}. "
            "Automatic notice from the school.",
        },
    ),
}


def clock_time(at: datetime, timezone: str) -> str:
    """The time on the school's wall, such as ``8:07`` or ``15:30``."""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{local.hour}:{local.minute:02}"


def parameters(message: Message) -> tuple[str, ...]:
    """The values of the template's parameters, in its order.

    On one line: Meta refuses line breaks, tabs and runs of spaces inside a parameter.
    """
    time = clock_time(message.fact_at, message.timezone)
    return tuple(" ".join(value.split()) for value in (message.given_name, time, message.gate))


def preview(kind: str, locale: str, values: Sequence[str]) -> str:
    """The text as the guardian reads it."""
    template = TEMPLATES[kind]
    body = template.bodies[template.language(locale)]
    return _PLACEHOLDER.sub(lambda found: values[int(found[1]) - 1], body)
