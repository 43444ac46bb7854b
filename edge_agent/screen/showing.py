"""From an answer to what the whole screen shows. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from edge_agent.feedback.base import (
    ACCEPT,
    HOLD,
    IDENTIFY,
    NOT_STORED,
    TESTED_FAULT,
    TESTED_WELL,
    TESTING,
    Outcome,
)
from edge_agent.screen.words import WORDS

# Seconds until the screen is free again: a name must not stay for whoever comes next.
SHOWN_SECONDS: Final = 3.0
LOOKED_SECONDS: Final[Mapping[str, float]] = {
    IDENTIFY: 1.5,
    TESTING: 15.0,
    TESTED_WELL: 10.0,
    TESTED_FAULT: 30.0,  # a technician reads them
}

_INITIAL = re.compile(r"\s+\S\.$")
# Whose name is not shown: somebody else may have found the card.
_NAMELESS: Final = frozenset({"revoked", "unknown"})
_OFFICE_WORDS: Final = frozenset({"unknown", "revoked", "not_today"})


@dataclass(frozen=True, slots=True)
class Showing:
    """``state`` is shape and colour; ``line`` stands above the large ``title``, ``word`` below."""

    state: str
    line: str
    title: str
    word: str
    clock: str
    seconds: float
    checks: tuple[Mapping[str, Any], ...] = ()

    def wire(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "line": self.line,
            "title": self.title,
            "word": self.word,
            "clock": self.clock,
            "seconds": self.seconds,
            "checks": list(self.checks),
        }


def showing_of(outcome: Outcome, device: str, locale: str, zone: ZoneInfo) -> Showing:
    """What to show for an answer, in the language and on the clock of the school."""
    words = WORDS[locale]
    state, line, title, word = _texts(outcome, words, device)
    checks = tuple(
        {
            "part": finding.named(locale),
            "ok": finding.ok,
            "detail": f"{finding.said(locale)}. {finding.remedy(locale)}".removesuffix(". "),
        }
        for finding in outcome.findings
    )
    seconds = LOOKED_SECONDS.get(outcome.pattern, SHOWN_SECONDS)
    return Showing(state, line, title, word, _clock(outcome, zone), seconds, checks)


def first_name(name: str) -> str:
    """Of a roster's short name, without the initial that tells two of a course apart."""
    return _INITIAL.sub("", name)


def _texts(outcome: Outcome, words: Mapping[str, str], device: str) -> tuple[str, str, str, str]:
    """State, line, title and word."""
    name = None if outcome.name is None else first_name(outcome.name)
    match outcome.pattern:
        case "accept":
            hello = "bye" if outcome.direction == "out" else "hello"
            return ACCEPT, *_greeting(name, words, hello), words[outcome.direction or "noted"]
        case "hold":
            return HOLD, "", words["hold"], words["hold_how"]
        case "not_stored":
            return NOT_STORED, *_greeting(name, words), words["not_stored"]
        case "identify":
            return IDENTIFY, words["identify"], device, ""
        case "testing" | "tested_well" | "tested_fault":
            wrong = sum(not finding.ok for finding in outcome.findings)
            return outcome.pattern, "", words[outcome.pattern].format(n=wrong), ""
    shown = None if outcome.verdict in _NAMELESS else name
    word = outcome.verdict if outcome.verdict in _OFFICE_WORDS else "refused"
    return "office", *_greeting(shown, words), words[word]


def _greeting(name: str | None, words: Mapping[str, str], hello: str = "hello") -> tuple[str, str]:
    return ("", words["hello_all"]) if name is None else (words[hello], f"{name}!")


def _clock(outcome: Outcome, zone: ZoneInfo) -> str:
    """Nothing rather than a time that may be wrong."""
    if outcome.clock == "unsynced":
        return ""
    local = outcome.at.astimezone(zone)
    return f"{local.hour}:{local.minute:02}"
