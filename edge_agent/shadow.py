"""The configuration that central wants, applied without a restart, and what we say of it.

A key that we do not know or a value that we cannot take is refused with a reason; the others are
applied all the same. What was applied is kept, so that a gate starts with it without a network.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.control import Desired, Reported
from contracts.fields import ContractError
from edge_agent import VERSION
from edge_agent.kept_file import keep_json, kept_json

log = logging.getLogger(__name__)


class Refused(Exception):
    """A value that cannot be applied; the text tells a technician why."""


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing that can be changed while the agent runs.

    ``turn`` raises Refused and has then changed nothing; ``reset`` goes back to the settings file.
    """

    turn: Callable[[Any], None]
    reset: Callable[[], None]


class Shadow:
    """Used by one thread."""

    def __init__(self, path: Path, knobs: Mapping[str, Knob]) -> None:
        self._path = path
        self._knobs = knobs
        self._reported: Reported | None = None

    @property
    def reported(self) -> Reported | None:
        """What to say of the configuration that runs; None while central never wanted any."""
        return self._reported

    def restore(self) -> None:
        """Apply what was kept before the last restart."""
        kept = kept_json(self._path)
        if isinstance(kept, str):
            try:
                self._reported = self._turn(Desired.from_json(kept.encode()))
            except ContractError as error:
                log.warning("%s is of no use: %s", self._path.name, error)

    def apply(self, desired: Desired) -> Reported:
        """Run with this configuration, unless it is older than the one that runs."""
        if self._reported is not None and desired.version < self._reported.version:
            log.warning("configuration %d is older than ours", desired.version)
            return self._reported
        keep_json(self._path, desired.to_json().decode())
        self._reported = self._turn(desired)
        return self._reported

    def _turn(self, desired: Desired) -> Reported:
        errors: dict[str, str] = {}
        for name, knob in self._knobs.items():
            try:
                if name in desired.config:
                    knob.turn(desired.config[name])
                else:
                    knob.reset()
            except Refused as refusal:
                knob.reset()
                errors[name] = str(refusal)
        for name in list(desired.config)[:_MOST_KEYS]:
            if name not in self._knobs:
                errors[name] = "unknown here: a newer agent may know it"
        log.info("configuration %d: %d refused", desired.version, len(errors))
        return Reported(desired.version, VERSION, errors)


_MOST_KEYS = 50
