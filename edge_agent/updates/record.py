"""What became of the last update: written by the updater, read by the agent to tell central."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from edge_agent.kept_file import kept_json, replace_file
from edge_agent.updates.sign_of_life import NOTHING, Before

TRYING: Final = "installing"
_FAILED_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class Record:
    """``state`` is one of ``contracts.releases.STATES``, or None before the first update.

    ``failed`` are versions that did not work here and are not tried again. While ``state`` is
    ``installing``, ``before`` is what the new version is measured by, ``trials`` says how often the
    measuring has begun (a power cut interrupts it), and ``keys`` are believed once it works.
    """

    state: str | None = None
    version: str | None = None
    reason: str | None = None
    failed: tuple[str, ...] = ()
    before: Before = NOTHING
    trials: int = 0
    keys: tuple[str, ...] = ()

    def ended(self, state: str, version: str | None, reason: str | None = None) -> Record:
        """The record after an update ended so."""
        failed = self.failed
        if state == "rolled_back" and version is not None:
            failed = (*failed, version)[-_FAILED_KEPT:]
        return replace(
            self, state=state, version=version, reason=reason, failed=failed, trials=0, keys=()
        )


def read_record(path: Path) -> Record:
    """A file that is missing or of no use is an empty record."""
    raw = kept_json(path)
    try:
        return _record(raw) if isinstance(raw, dict) else Record()
    except (KeyError, TypeError, ValueError):
        return Record()


def keep_record(path: Path, record: Record) -> None:
    """On the disk when this returns, for everybody to read. Raises OSError."""
    replace_file(path, json.dumps(asdict(record)).encode())
    path.chmod(0o644)


def _record(raw: dict[str, Any]) -> Record:
    before = raw["before"]
    return Record(
        _text(raw["state"]),
        _text(raw["version"]),
        _text(raw["reason"]),
        tuple(str(version) for version in raw["failed"]),
        Before(before["online"] is True, int(before["readers"])),
        int(raw["trials"]),
        tuple(str(key) for key in raw["keys"]),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
