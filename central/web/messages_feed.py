"""Tells open message logs that there is something new; they fetch it themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from central.events import NOTIFICATIONS, TAPS
from central.web.live_hub import Event


@dataclass(frozen=True, slots=True)
class MessagesAudience:
    """The message logs of one school."""

    school_id: int


class MessagesFeed:
    """A tap makes messages and a webhook moves them: either changes the log."""

    CHANGED: ClassVar = Event("messages", "{}")

    def news(self, kinds: frozenset[str]) -> Event | None:
        return self.CHANGED if kinds & {TAPS, NOTIFICATIONS} else None

    def rest(self) -> float:
        return math.inf
