"""The templates that Meta has approved for the school.

Parameters: {{1}} the child's given name, {{2}} the time, {{3}} the gate. Meta approves no body
that begins or ends with a parameter, a full stop notwithstanding (its error 2388299).
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


def _utility(name: str, language: str, body: str) -> Template:
    gate = "Puerta Norte" if language == "es" else "North Gate"
    return Template(name, language, "UTILITY", body, ("Sofía", "8:07", gate))


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
    )
}
