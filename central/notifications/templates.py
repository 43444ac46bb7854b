"""The message templates as approved by Meta, and how their texts read.

The provider holds the texts; sending names a template, a language and its parameters in order.
The texts here are for the message log and must be the approved ones: after a change at the
provider, change them here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_date

from central.notifications.channel import Change, Message

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
_PASSAGE: Final = ("given_name", "time", "gate")

TEMPLATES: Final = {
    "entry": Template(
        "ingreso_ok",
        _PASSAGE,
        {
            "es": "Te informamos que {{1}} ingresó al colegio a las {{2}} por {{3}}. "
            "Aviso automático del colegio.",
            "en": "We let you know that {{1}} arrived at school at {{2}} through {{3}}. "
            "Automatic notice from the school.",
        },
    ),
    "exit": Template(
        "salida_ok",
        _PASSAGE,
        {
            "es": "Te informamos que {{1}} salió del colegio a las {{2}} por {{3}}. "
            "Aviso automático del colegio.",
            "en": "We let you know that {{1}} left school at {{2}} through {{3}}. "
            "Automatic notice from the school.",
        },
    ),
    "absence": Template(
        "inasistencia",
        ("given_name", "time"),
        {
            "es": "Te informamos que {{1}} no registra ingreso al colegio hasta las {{2}} de hoy. "
            "Si conoces el motivo, avísale al colegio; si no, llama a inspectoría. "
            "Aviso automático del colegio.",
            "en": "We let you know that {{1}} has not been seen at school as of {{2}} today. "
            "If you know why, tell the school; if you do not, call the inspector's office. "
            "Automatic notice from the school.",
        },
    ),
    "arrived_after_alert": Template(
        "llegada_tardia",
        _PASSAGE,
        {
            "es": "Te informamos que {{1}} ya está en el colegio: ingresó a las {{2}} por {{3}}. "
            "El aviso de inasistencia de hoy queda sin efecto. Aviso automático del colegio.",
            "en": "We let you know that {{1}} is at school: arrived at {{2}} through {{3}}. "
            "Disregard today's absence notice. Automatic notice from the school.",
        },
    ),
    "withdrawal": Template(
        "retiro",
        ("given_name", "time"),
        {
            "es": "Te informamos que {{1}} se retiró del colegio a las {{2}} con una persona "
            "autorizada. Si no lo esperabas, llama de inmediato al colegio. "
            "Aviso automático del colegio.",
            "en": "We let you know that {{1}} was collected from school at {{2}} by an authorised "
            "person. If you did not expect this, call the school at once. "
            "Automatic notice from the school.",
        },
    ),
    "calendar_change": Template(
        "cambio_horario",
        ("given_name", "dates", "change"),
        {
            "es": "Te informamos un cambio en el horario de {{1}}. Fecha: {{2}}. "
            "Cambio: {{3}}. Aviso automático del colegio.",
            "en": "We let you know of a change in the timetable of {{1}}. Date: {{2}}. "
            "Change: {{3}}. Automatic notice from the school.",
        },
    ),
}

_DAY: Final = {"es": "EEEE d 'de' MMMM", "en": "EEEE, MMMM d"}
_CHANGES: Final = {
    "es": {
        "none": "no hay clases",
        "both": "las clases son de {0} a {1}",
        "starts": "las clases empiezan a las {0}",
        "ends": "la salida es a las {1}",
        "recovery": "hay clases en el horario habitual",
    },
    "en": {
        "none": "there are no classes",
        "both": "classes are from {0} to {1}",
        "starts": "classes begin at {0}",
        "ends": "classes end at {1}",
        "recovery": "there are classes at the usual hours",
    },
}


class Facts(NamedTuple):
    """What the texts are made of, whoever asks for them."""

    given_name: str
    fact_at: datetime
    timezone: str
    gate: str | None = None
    change: Change | None = None


def clock_time(at: datetime, timezone: str) -> str:
    """The time on the school's wall, such as ``8:07`` or ``15:30``."""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{local.hour}:{local.minute:02}"


def parameters(message: Message) -> tuple[str, ...]:
    """The values of the template's parameters, in its order."""
    facts = Facts(
        message.given_name, message.fact_at, message.timezone, message.gate, message.change
    )
    return values(message.kind, message.locale, facts)


def values(kind: str, locale: str, facts: Facts) -> tuple[str, ...]:
    """What stands for the parameters of a kind's template, in its order.

    On one line: Meta refuses line breaks, tabs and runs of spaces inside a parameter.
    """
    template = TEMPLATES[kind]
    language = template.language(locale)
    told = {
        "given_name": facts.given_name,
        "time": clock_time(facts.fact_at, facts.timezone),
        "gate": facts.gate or "",
    }
    if facts.change is not None:
        told["dates"] = _dates(facts.change, language)
        told["change"] = _change(facts.change, language)
    return tuple(" ".join(told[name].split()) for name in template.parameters)


def _dates(change: Change, language: str) -> str:
    first, last = _day(change.from_on, language), _day(change.until_on, language)
    if change.from_on == change.until_on:
        return first
    return f"{first} – {last}"


def _day(day: date, language: str) -> str:
    return str(format_date(day, _DAY[language], locale=language))


def _change(change: Change, language: str) -> str:
    words = _CHANGES[language]
    starts, ends = (at and f"{at.hour}:{at.minute:02}" for at in (change.starts_at, change.ends_at))
    if change.kind in ("holiday", "suspension", "no_class"):
        return words["none"]
    named = {(True, True): "both", (True, False): "starts", (False, True): "ends"}
    return words[named.get((bool(starts), bool(ends)), "recovery")].format(starts, ends)


def preview(kind: str, locale: str, values: Sequence[str]) -> str:
    """The text as the guardian reads it."""
    template = TEMPLATES[kind]
    body = template.bodies[template.language(locale)]
    return _PLACEHOLDER.sub(lambda found: values[int(found[1]) - 1], body)
