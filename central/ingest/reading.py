"""From messages as the broker delivers them to values, or to what goes into quarantine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from central.attendance.service import SentTaps
from contracts import topics
from contracts.messages import ContractError, DeviceStatus, Health, TapBatch

# Ten times the largest batch of taps. More is not ours, and parsing it would hold up the others.
MAX_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """One message. ``id`` and ``qos`` are the broker's, for the acknowledgement."""

    topic: str
    payload: bytes
    id: int = 0
    qos: int = 1


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that nobody can read, and why. ``device_id`` is None on a topic of no device."""

    message: Received
    device_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Read:
    """What a batch of messages says; every message is in one of the lists, in their order."""

    taps: list[tuple[Received, SentTaps]] = field(default_factory=list)
    statuses: list[tuple[Received, str, DeviceStatus]] = field(default_factory=list)
    healths: list[tuple[Received, str, Health]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def read(messages: Iterable[Received]) -> Read:
    """Sort messages by what they are. Raises nothing, whatever they hold."""
    found = Read()
    for message in messages:
        _read_one(message, found)
    return found


def _read_one(message: Received, found: Read) -> None:
    try:
        device_id = topics.device_of(message.topic)
    except ValueError:
        found.refused.append(Refused(message, None, "topic: not one of a device"))
        return
    if len(message.payload) > MAX_BYTES:
        found.refused.append(Refused(message, device_id, f"payload: more than {MAX_BYTES} bytes"))
        return
    try:
        if message.topic == topics.status(device_id):
            status = DeviceStatus.from_json(message.payload)
            found.statuses.append((message, device_id, status))
        elif message.topic == topics.health(device_id):
            found.healths.append((message, device_id, Health.from_json(message.payload)))
        else:
            batch = TapBatch.from_json(message.payload)
            found.taps.append((message, SentTaps(device_id, batch)))
    except ContractError as error:
        found.refused.append(Refused(message, device_id, str(error)))
