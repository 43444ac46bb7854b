"""The templates that Meta has approved for the school.

Parameters: {{1}} the child's given name, {{2}} the time, {{3}} the gate; of a changed timetable
{{2}} the date and {{3}} the change. Meta approves no body that begins or ends with a parameter, a
full stop notwithstanding (its error 2388299).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PARAMETER = re.compile(r"\{\{(\d+)\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    language: str
    category: str
    body: str
    example: tuple[str, ...]

    @property
    def id(self) -> str:
        """A number as Meta gives one to each language of a template, the same in every run."""
        return str(10**15 + zlib.crc32(f"{self.name}/{self.language}".encode()))

    @property
    def parameter_count(self) -> int:
        return max((int(number) for number in _PARAMETER.findall(self.body)), default=0)

    def text(self, values: Sequence[str]) -> str:
        """The body as the guardian reads it."""
        return _PARAMETER.sub(lambda match: values[int(match[1]) - 1], self.body)

    def wire(self) -> dict[str, Any]:
        """The template as ``GET /<business account>/message_templates`` lists it."""
        body = {
            "type": "BODY",
            "text": self.body,
            "example": {"body_text": [list(self.example)]},
        }
        return {
            "name": self.name,
            "parameter_format": "POSITIONAL",
            "components": [body],
            "language": self.language,
            "status": "APPROVED",
            "category": self.category,
            "id": self.id,
        }


_EXAMPLES = {
    "es": ("Sofía", "8:07", "Puerta Norte"),
    "en": ("Sofía", "8:07", "North Gate"),
}
_CHANGES = {
    "es": ("Sofía", "viernes 18 de septiembre", "no hay clases"),
    "en": ("Sofía", "Friday, September 18", "there are no classes"),
}


def _utility(name: str, language: str, body: str) -> Template:
    example = (_CHANGES if name == "cambio_horario" else _EXAMPLES)[language]
    count = len(set(_PARAMETER.findall(body)))
    return Template(name, language, "UTILITY", body, example[:count])


APPROVED: Mapping[tuple[str, str], Template] = {
    (it.name, it.language): it
    for it in (
        _utility(
            "ingreso_ok",
            "es",
            "Te informamos que {{1}} ingresó al colegio a las {{2}} por {{3}}. "
            "Aviso automático del colegio.",
        ),
        _utility(
            "ingreso_ok",
            "en",
            "We let you know that {{1}} arrived at school at {{2}} through {{3}}. "
            "Automatic notice from the school.",
        ),
        _utility(
            "salida_ok",
            "es",
            "Te informamos que {{1}} salió del colegio a las {{2}} por {{3}}. "
            "Aviso automático del colegio.",
        ),
        _utility(
            "salida_ok",
            "en",
            "We let you know that {{1}} left school at {{2}} through {{3}}. "
            "Automatic notice from the school.",
        ),
        _utility(
            "inasistencia",
            "es",
            "Te informamos que {{1}} no registra ingreso al colegio hasta las {{2}} de hoy. "
            "Si conoces el motivo, avísale al colegio; si no, llama a inspectoría. "
            "Aviso automático del colegio.",
        ),
        _utility(
            "inasistencia",
            "en",
            "We let you know that {{1}} has not been seen at school as of {{2}} today. "
            "If you know why, tell the school; if you do not, call the inspector's office. "
            "Automatic notice from the school.",
        ),
        _utility(
            "llegada_tardia",
            "es",
            "Te informamos que {{1}} ya está en el colegio: ingresó a las {{2}} por {{3}}. "
            "El aviso de inasistencia de hoy queda sin efecto. Aviso automático del colegio.",
        ),
        _utility(
            "llegada_tardia",
            "en",
            "We let you know that {{1}} is at school: arrived at {{2}} through {{3}}. "
            "Disregard today's absence notice. Automatic notice from the school.",
        ),
        _utility(
            "retiro",
            "es",
            "Te informamos que {{1}} se retiró del colegio a las {{2}} con una persona "
            "autorizada. Si no lo esperabas, llama de inmediato al colegio. "
            "Aviso automático del colegio.",
        ),
        _utility(
            "retiro",
            "en",
            "We let you know that {{1}} was collected from school at {{2}} by an authorised "
            "person. If you did not expect this, call the school at once. "
            "Automatic notice from the school.",
        ),
        _utility(
            "cambio_horario",
            "es",
            "Te informamos un cambio en el horario de {{1}}. Fecha: {{2}}. "
            "Cambio: {{3}}. Aviso automático del colegio.",
        ),
        _utility(
            "cambio_horario",
            "en",
            "We let you know of a change in the timetable of {{1}}. Date: {{2}}. "
            "Change: {{3}}. Automatic notice from the school.",
        ),
    )
}
