"""Tells the phones that have an evacuation open that somebody marked; they fetch the marks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from central.events import EVACUATIONS
from central.web.live_hub import Event


@dataclass(frozen=True, slots=True)
class EvacuationAudience:
    """The open evacuation lists of one school."""

    school_id: int


class EvacuationFeed:
    CHANGED: ClassVar = Event("evacuation", "{}")

    def news(self, kinds: frozenset[str]) -> Event | None:
        return self.CHANGED if EVACUATIONS in kinds else None

    def rest(self) -> float:
        return math.inf
