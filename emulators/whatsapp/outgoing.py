"""Reading a request to ``/messages`` as strictly as Meta does. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulators.whatsapp.errors import INVALID_PARAMETER, GraphError
from emulators.whatsapp.templates import APPROVED, Template

LONGEST_TEXT = 4096
LONGEST_BODY = 1024
LONGEST_CALLBACK_DATA = 512

_NOT_DIGITS = re.compile(r"[\s()+.-]")
_TELEPHONE = re.compile(r"[1-9][0-9]{6,14}")  # ITU-T E.164
_UNPRINTABLE = re.compile(r"[\n\r\t]| {5}")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that may be sent. ``template`` is None for a free text."""

    to: str  # as the sender wrote it
    phone: str  # the digits, WhatsApp's id of the guardian
    text: str
    template: Template | None
    parameters: tuple[str, ...]
    callback_data: str | None


def parse(body: Mapping[str, Any]) -> Outgoing:
    """Raises GraphError with the code that Meta answers."""
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(INVALID_PARAMETER, "The parameter messaging_product is required.")
    to = body.get("to")
    if not isinstance(to, str) or not to:
        raise GraphError(INVALID_PARAMETER, "The parameter to is required.")
    phone = _NOT_DIGITS.sub("", to)
    if not _TELEPHONE.fullmatch(phone):
        raise GraphError(131009, "to: not a telephone number")
    callback_data = _callback_data(body)
    kind = body.get("type", "text")
    if kind == "template":
        template, values = _template(_object(body, "template"))
        return Outgoing(to, phone, template.text(values), template, values, callback_data)
    if kind == "text":
        return Outgoing(to, phone, _free_text(body), None, (), callback_data)
    raise GraphError(131051, f"type: {kind!s} is not known to this emulator")


def _callback_data(body: Mapping[str, Any]) -> str | None:
    value = body.get("biz_opaque_callback_data")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_CALLBACK_DATA:
        limit = f"at most {LONGEST_CALLBACK_DATA} characters"
        raise GraphError(INVALID_PARAMETER, f"biz_opaque_callback_data: expected text, {limit}")
    return value


def _free_text(body: Mapping[str, Any]) -> str:
    text = _object(body, "text").get("body")
    if not isinstance(text, str) or not text:
        raise GraphError(INVALID_PARAMETER, "The parameter text['body'] is required.")
    if len(text) > LONGEST_TEXT:
        raise GraphError(INVALID_PARAMETER, f"text['body']: at most {LONGEST_TEXT} characters")
    return text


def _template(raw: Mapping[str, Any]) -> tuple[Template, tuple[str, ...]]:
    name, language = raw.get("name"), _object(raw, "language").get("code")
    if not isinstance(name, str) or not isinstance(language, str):
        raise GraphError(INVALID_PARAMETER, "template: name and language['code'] are required.")
    template = APPROVED.get((name, language))
    if template is None:
        raise GraphError(132001, f"template name ({name}) does not exist in {language}")
    values = _body_parameters(raw.get("components", []))
    if len(values) != template.parameter_count:
        found, wanted = len(values), template.parameter_count
        raise GraphError(
            132000,
            f"body: number of localizable_params ({found}) does not match the expected number "
            f"of params ({wanted})",
        )
    if len(template.text(values)) > LONGEST_BODY:
        raise GraphError(132005)
    return template, values


def _body_parameters(components: Any) -> tuple[str, ...]:
    if not isinstance(components, list):
        raise GraphError(INVALID_PARAMETER, "template['components']: expected a list")
    values: list[str] = []
    for component in components:
        if not isinstance(component, dict) or component.get("type") != "body":
            raise GraphError(132012, "component: the template has a body alone")
        parameters = component.get("parameters", [])
        if not isinstance(parameters, list):
            raise GraphError(INVALID_PARAMETER, "parameters: expected a list")
        values += [_value(parameter, at) for at, parameter in enumerate(parameters)]
    return tuple(values)


def _value(parameter: Any, at: int) -> str:
    if not isinstance(parameter, dict) or parameter.get("type") != "text":
        raise GraphError(132012, f"body: parameters[{at}]: expected a text")
    text = parameter.get("text")
    if not isinstance(text, str) or not text.strip():
        raise GraphError(131008, f"body: parameters[{at}]: Parameter of type text is missing text")
    if _UNPRINTABLE.search(text):
        raise GraphError(
            INVALID_PARAMETER,
            "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
        )
    return text


def _object(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    if not isinstance(value, dict):
        raise GraphError(INVALID_PARAMETER, f"The parameter {name} is required.")
    return value
