"""The configuration file: ``{"http_port", "gates": [{"gate", "device", …}], "cards_file"}``.

A gate has ``gate`` (its name here), ``device`` (the agent's), ``reader_link`` (where the agent
opens its reader) and ``feedback_socket`` (where the agent's emulated feedback sends its answers).
With ``camera_socket`` there is a camera, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.processes import WrongConfig, read_object

LONGEST_SOCKET_PATH = 107  # bytes, unix(7)


@dataclass(frozen=True, slots=True)
class GateSettings:
    gate: str
    device: str
    reader_link: Path
    feedback_socket: Path
    camera_socket: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    http_port: int
    gates: tuple[GateSettings, ...]
    cards_file: Path

    @classmethod
    def from_file(cls, path: Path) -> Settings:
        """Raises WrongConfig, which names the key."""
        raw = read_object(path)
        gates = raw.get("gates")
        if not isinstance(gates, list) or not gates:
            raise WrongConfig("gates: expected a list of gates")
        settings = cls(
            http_port=_port(raw),
            gates=tuple(_gate(item, f"gates[{at}]") for at, item in enumerate(gates)),
            cards_file=Path(_text(raw, "cards_file")),
        )
        names = [gate.gate for gate in settings.gates]
        if len(set(names)) < len(names):
            raise WrongConfig("gates: two have the same name")
        return settings


def _gate(raw: Any, where: str) -> GateSettings:
    if not isinstance(raw, dict):
        raise WrongConfig(f"{where}: expected an object")
    feedback = _socket(raw, "feedback_socket", where)
    return GateSettings(
        gate=_text(raw, "gate", where),
        device=_text(raw, "device", where),
        reader_link=Path(_text(raw, "reader_link", where)),
        feedback_socket=feedback,
        camera_socket=_socket(raw, "camera_socket", where) if "camera_socket" in raw else None,
    )


def _socket(raw: dict[str, Any], key: str, where: str) -> Path:
    path = _text(raw, key, where)
    if len(path.encode()) > LONGEST_SOCKET_PATH:
        raise WrongConfig(f"{where}.{key}: longer than {LONGEST_SOCKET_PATH} bytes")
    return Path(path)


def _text(raw: dict[str, Any], key: str, where: str = "") -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value:
        raise WrongConfig(f"{where}.{key}: expected text".removeprefix("."))
    return value


def _port(raw: dict[str, Any]) -> int:
    value = raw.get("http_port")
    if type(value) is not int or not 0 <= value < 65_536:
        raise WrongConfig("http_port: expected a port number, or 0 for a free one")
    return value
