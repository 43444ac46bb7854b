"""The HTTP interface of the gates: present a card, look at the lights, pull the reader's plug."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulators.gates.camera import MOODS
from emulators.gates.cards import CardBox
from emulators.gates.gate import Gate, NotRead
from emulators.nfc.tags import Tag
from emulators.processes import WrongConfig
from emulators.web import Refused, Request, Response, Route, Site, as_json

MOST_REPEATS = 20
OPEN_SECONDS = 1.0  # an agent polls some twenty times a second

_HTTP_STATUS = {"agent_silent": 504, "gate_busy": 503, "reader_unplugged": 409}


class Api:
    def __init__(self, gates: Mapping[str, Gate], cards: CardBox) -> None:
        self._gates = gates
        self._cards = cards

    def site(self) -> Site:
        return Site(
            [
                Route("GET", "/gates", self.list_gates),
                Route("POST", "/present", self.present),
                Route("POST", "/readers/([^/]+)/(unplug|plug|silence)", self.handle_reader),
                Route("POST", f"/cameras/([^/]+)/({'|'.join(MOODS)})", self.handle_camera),
            ]
        )

    def list_gates(self, _request: Request) -> Response:
        return as_json({"gates": [_state(gate) for gate in self._gates.values()]})

    def present(self, request: Request) -> Response:
        """Hold a card to a gate's reader and say what the agent answered.

        ``{"gate", "student" or "card", "repeat"}``; ``repeat`` presents the card that many more
        times at once. ``feedback`` is the first answer, ``readings`` are all.
        """
        order = request.json()
        gate = self._gate(order.get("gate"))
        tag, label = self._card(order)
        try:
            readings = gate.present(tag, label, 1 + _repeat(order))
        except NotRead as error:
            answer = {"read": False, "error": error.code, "detail": str(error)}
            return as_json(answer, _HTTP_STATUS[error.code])
        each = [{"feedback": it.feedback, "took_ms": it.took_ms} for it in readings]
        return as_json({"read": True, **each[0], "readings": each})

    def handle_reader(self, _request: Request, name: str, action: str) -> Response:
        gate = self._gate(name)
        {
            "unplug": gate.reader.unplug,
            "plug": gate.reader.plug,
            "silence": gate.reader.silence,
        }[action]()
        return as_json(_state(gate))

    def handle_camera(self, _request: Request, name: str, mood: str) -> Response:
        gate = self._gate(name)
        if gate.camera is None:
            raise Refused(404, "no_camera", field="gate", detail=f"gate: {name!r} has no camera")
        gate.camera.behave(mood)
        return as_json(_state(gate))

    def _gate(self, name: Any) -> Gate:
        if not isinstance(name, str):
            raise Refused(400, "missing_gate", field="gate", detail="gate: expected its name")
        if name not in self._gates:
            detail = f"gate: there is no {name!r}; there are {', '.join(self._gates)}"
            raise Refused(404, "unknown_gate", field="gate", detail=detail)
        return self._gates[name]

    def _card(self, order: Mapping[str, Any]) -> tuple[Tag, str]:
        student, card = order.get("student"), order.get("card")
        if (student is None) == (card is None):
            detail = "give one of student and card"
            raise Refused(400, "one_card_expected", field="student", detail=detail)
        try:
            if card is None:
                return self._cards.of_student(_student(student)), f"student {student}"
            return self._cards.named(_card_name(card)), str(card)
        except LookupError as error:
            field = "student" if card is None else "card"
            raise Refused(404, f"unknown_{field}", field=field, detail=str(error)) from error
        except WrongConfig as error:
            raise Refused(503, "cards_file", field="cards_file", detail=str(error)) from error


def _student(value: Any) -> int:
    if type(value) is not int:
        raise Refused(400, "bad_student", field="student", detail="student: expected a number")
    return value


def _card_name(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused(400, "bad_card", field="card", detail="card: expected a name")
    return value


def _repeat(order: Mapping[str, Any]) -> int:
    value = order.get("repeat", 0)
    if type(value) is not int or not 0 <= value <= MOST_REPEATS:
        detail = f"repeat: expected a number from 0 to {MOST_REPEATS}"
        raise Refused(400, "bad_repeat", field="repeat", detail=detail)
    return value


def _state(gate: Gate) -> dict[str, Any]:
    last = gate.light.last
    return {
        "gate": gate.settings.gate,
        "device": gate.settings.device,
        "reader": {
            "plugged": gate.reader.plugged,
            "silent": gate.reader.silent,
            "open": gate.reader.heard_within(OPEN_SECONDS),
        },
        "light": gate.light.colour(),
        "camera": None if gate.camera is None else gate.camera.mood,
        "feedback": None if last is None else last.content,
        "last_card": gate.last_card,
    }
