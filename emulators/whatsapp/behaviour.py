"""How the emulator has been told to misbehave: rules for one telephone or for all."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulators.web import Refused
from emulators.whatsapp.errors import FAULTS

HANG = "hang"
STATUSES = ("sent", "delivered", "read")
LONGEST_HANG = 600.0  # seconds
MOST_REPEATS = 10

Delays = Mapping[str, float | None]

# Seconds after acceptance, roughly a phone that is switched on and looked at now and then.
USUAL_DELAYS: Delays = {"sent": 0.1, "delivered": 0.6, "read": 4.0}


@dataclass(frozen=True, slots=True)
class Conduct:
    """What happens to one message.

    ``answer`` is an error code, a 5xx or ``hang``, None for a proper answer. With ``accepted`` the
    message goes out all the same. ``fail`` is the code with which it fails later. A delay of None:
    that status never comes.
    """

    answer: int | str | None = None
    accepted: bool = False
    seconds: float = 30.0
    fail: int | None = None
    delays: Delays = field(default_factory=lambda: USUAL_DELAYS)
    shuffle: bool = False
    repeat: int = 0


@dataclass(slots=True)
class Rule:
    """Holds for the next ``times`` messages to ``phone``; None means for ever, and to all."""

    changes: Mapping[str, Any]
    phone: str | None
    times: int | None

    def matches(self, phone: str) -> bool:
        return self.phone in (None, phone) and self.times != 0


class Behaviour:
    """The rules in force. Of two that say something about the same thing, the newer one counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, order: Mapping[str, Any]) -> None:
        """Raises Refused, which names the field."""
        rule = _rule(order)
        with self._lock:
            self._rules.append(rule)

    def forget(self) -> None:
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[dict[str, Any]]:
        with self._lock:
            return [{"phone": it.phone, "times": it.times, **it.changes} for it in self._rules]

    def for_message(self, phone: str) -> Conduct:
        """What to do with the message just asked for, which uses up one time of each rule."""
        changes: dict[str, Any] = {}
        with self._lock:
            for rule in self._rules:
                if rule.matches(phone):
                    changes |= rule.changes
                    rule.times = None if rule.times is None else rule.times - 1
            self._rules = [rule for rule in self._rules if rule.times != 0]
        return Conduct(**changes)


def _rule(order: Mapping[str, Any]) -> Rule:
    rest = dict(order)
    phone, times = rest.pop("phone", None), rest.pop("times", None)
    if phone is not None and not (isinstance(phone, str) and phone.isdecimal()):
        raise Refused(400, "phone: expected the digits of a number")
    if times is not None and (type(times) is not int or times < 1):
        raise Refused(400, "times: expected a number of at least 1")
    if not rest:
        raise Refused(400, f"nothing to change: expected one of {', '.join(_READERS)}")
    for name in rest:
        if name not in _READERS:
            raise Refused(400, f"{name}: expected one of phone, times, {', '.join(_READERS)}")
    return Rule({name: _READERS[name](name, value) for name, value in rest.items()}, phone, times)


def _answer(name: str, value: Any) -> int | str:
    if value == HANG or (type(value) is int and (value in FAULTS or 500 <= value < 600)):
        return HANG if value == HANG else int(value)
    raise Refused(400, f"{name}: expected hang, an HTTP status from 500, or one of {_codes()}")


def _fail(name: str, value: Any) -> int:
    if type(value) is not int or value not in FAULTS:
        raise Refused(400, f"{name}: expected one of {_codes()}")
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused(400, f"{name}: expected true or false")
    return value


def _seconds(name: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= LONGEST_HANG:
        raise Refused(400, f"{name}: expected seconds, at most {LONGEST_HANG:g}")
    return float(value)


def _delays(name: str, value: Any) -> Delays:
    if not isinstance(value, dict) or not set(value) <= set(STATUSES):
        raise Refused(400, f"{name}: expected an object with {', '.join(STATUSES)}")
    chosen = {
        status: None if delay is None else _seconds(f"{name}.{status}", delay)
        for status, delay in value.items()
    }
    return {**USUAL_DELAYS, **chosen}


def _repeat(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_REPEATS:
        raise Refused(400, f"{name}: expected a number from 0 to {MOST_REPEATS}")
    return value


def _codes() -> str:
    return ", ".join(str(code) for code in FAULTS)


_READERS: Mapping[str, Any] = {
    "answer": _answer,
    "accepted": _truth,
    "seconds": _seconds,
    "fail": _fail,
    "delays": _delays,
    "shuffle": _truth,
    "repeat": _repeat,
}
