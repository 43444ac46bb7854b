"""Messages by which central steers a device: configuration, commands, roster versions.

Same wire rules as ``messages.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts import fields


@dataclass(frozen=True, slots=True)
class Desired:
    """The configuration a device should run. ``version`` only grows."""

    version: int
    config: Mapping[str, Any]

    @classmethod
    def from_json(cls, payload: bytes) -> Desired:
        raw = fields.load(payload)
        return cls(fields.whole(raw, "version"), fields.an_object(raw.get("config"), "config"))

    def to_json(self) -> bytes:
        return fields.dump({"version": self.version, "config": dict(self.config)})


@dataclass(frozen=True, slots=True)
class Reported:
    """The configuration version a device runs; ``errors`` maps a refused key to the reason."""

    version: int
    agent: str
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, payload: bytes) -> Reported:
        raw = fields.load(payload)
        errors = fields.an_object(raw.get("errors", {}), "errors")
        return cls(
            fields.whole(raw, "version"),
            fields.text(raw, "agent", fields.NAME),
            {str(key): str(reason) for key, reason in errors.items()},
        )

    def to_json(self) -> bytes:
        reported = {"version": self.version, "agent": self.agent, "errors": dict(self.errors)}
        return fields.dump(reported)


@dataclass(frozen=True, slots=True)
class Command:
    """One order to a device, ignored after ``expires``; a repeated ``id`` is answered once."""

    id: str
    name: str
    args: Mapping[str, Any]
    expires: datetime

    @classmethod
    def from_json(cls, payload: bytes) -> Command:
        raw = fields.load(payload)
        return cls(
            fields.text(raw, "id", fields.NAME),
            fields.text(raw, "name", fields.NAME),
            fields.an_object(raw.get("args", {}), "args"),
            fields.moment(raw, "expires"),
        )

    def to_json(self) -> bytes:
        command = {"id": self.id, "name": self.name, "args": dict(self.args)}
        return fields.dump(command | {"expires": self.expires.isoformat()})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command: ``result`` when ``ok``, else ``error``, a stable code."""

    id: str
    ok: bool
    error: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, payload: bytes) -> Answer:
        raw = fields.load(payload)
        return cls(
            fields.text(raw, "id", fields.NAME),
            fields.truth(raw, "ok"),
            fields.optional_text(raw, "error", fields.CODE),
            fields.an_object(raw.get("result", {}), "result"),
        )

    def to_json(self) -> bytes:
        answer = {"id": self.id, "ok": self.ok, "error": self.error, "result": dict(self.result)}
        return fields.dump(answer)


@dataclass(frozen=True, slots=True)
class RosterNotice:
    """The roster version that central holds for a device; it fetches when its own differs."""

    version: str

    @classmethod
    def from_json(cls, payload: bytes) -> RosterNotice:
        return cls(fields.text(fields.load(payload), "version", fields.NAME))

    def to_json(self) -> bytes:
        return fields.dump({"version": self.version})
