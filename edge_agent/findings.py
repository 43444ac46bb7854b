"""What a look at a part of the gate found, for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is well, and what was seen.

    ``fault`` is a stable code of what is wrong, from which its remedy follows; empty when well.
    """

    part: str
    ok: bool
    detail: str
    fault: str = ""
