"""What a look at a part of the gate found: codes and figures, put into words on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_agent.findings_words import NOTES, PARTS, REMEDIES


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is well, and what was seen.

    ``note`` is a stable code; ``seen`` holds its figures. A part may have a name of its own behind
    its kind, as in ``reader entrada``.
    """

    part: str
    ok: bool
    note: str
    seen: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """What was seen, in English: for whoever looks from far away."""
        return self.said("en")

    def said(self, locale: str) -> str:
        return NOTES[locale][self.note].format(**self.seen)

    def named(self, locale: str) -> str:
        kind, _, name = self.part.partition(" ")
        return f"{PARTS[locale].get(kind, kind)} {name}".strip()

    def remedy(self, locale: str) -> str:
        """What to do about it; empty if it is well."""
        return "" if self.ok else REMEDIES[locale].get(self.note, "").format(**self.seen)

    def wire(self) -> dict[str, Any]:
        return {"part": self.part, "ok": self.ok, "note": self.note, "seen": dict(self.seen)}
