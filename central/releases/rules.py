"""In which order the gates of a school get a version, and when it goes no further."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

STATES: Final = ("running", "paused", "stopped", "done")
STEPS: Final = ("pause", "resume", "stop")
FAILED: Final = frozenset({"rolled_back", "refused"})
DEVICE_STATES: Final = ("waiting", "offered", "installing", "active", "rolled_back", "refused")

# How long a stage must have worked before the next one begins: some faults need a while to show,
# and a morning's rush at the gate is a better trial than any of ours.
REST: Final = timedelta(minutes=30)
# Of those that are not canaries, the share that goes first.
FIRST_SHARE: Final = 0.25

# (state, step) -> the state after it
_AFTER: Final = {
    ("running", "pause"): "paused",
    ("running", "stop"): "stopped",
    ("paused", "resume"): "running",
    ("paused", "stop"): "stopped",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A device in a roll-out; ``online`` as the broker says."""

    device_id: str
    stage: int
    state: str
    online: bool
    changed_at: datetime


def stages(devices: Collection[str], canaries: Collection[str]) -> dict[str, int]:
    """Device -> stage: the canaries, then a quarter of the others, then all. Without canaries
    the first device is one; in a school with a single gate it is the only stage."""
    ordered = sorted(devices)
    first = [device for device in ordered if device in canaries] or ordered[:1]
    others = [device for device in ordered if device not in first]
    second = others[: ceil(len(others) * FIRST_SHARE)]
    return {device: 0 if device in first else 1 if device in second else 2 for device in ordered}


def open_stage(parts: Sequence[Part], *, now: datetime) -> int:
    """The last stage whose devices may have the version now.

    A stage has shown that it works when one of it has run the version for ``REST`` and all others
    have it too, or are switched off: a gate in a cupboard must not hold up a city. One that failed
    holds nothing up either, because a person has looked at it and resumed; but where all of a
    stage failed, nothing was shown, and it goes no further.
    """
    for stage in sorted({part.stage for part in parts}):
        if not _has_shown([part for part in parts if part.stage == stage], now):
            return stage
    return max((part.stage for part in parts), default=0)


def _has_shown(stage: Sequence[Part], now: datetime) -> bool:
    active = [part for part in stage if part.state == "active"]
    rested = any(now - part.changed_at >= REST for part in active)
    settled = FAILED | {"active"}
    return rested and all(part.state in settled or not part.online for part in stage)


def may_have(part: Part, parts: Sequence[Part], *, now: datetime) -> bool:
    """Whether a device of a running roll-out may fetch the version."""
    return part.state not in FAILED and part.stage <= open_stage(parts, now=now)


def state_after(state: str, step: str) -> str | None:
    """The state of a roll-out after a person's step; None where the step makes no sense."""
    return _AFTER.get((state, step))


def is_done(parts: Sequence[Part]) -> bool:
    """Whether every device has come to an end, and at least one to a good one."""
    states = {part.state for part in parts}
    return "active" in states and states <= FAILED | {"active"}
