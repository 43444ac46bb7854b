"""From messages as the broker delivers them to values, or to what goes into quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from central.attendance.service import SentTaps
from contracts import topics
from contracts.control import Answer, Reported
from contracts.messages import Anchor, ContractError, DeviceStatus, Health, TapBatch

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
    anchors: list[tuple[Received, str, Anchor]] = field(default_factory=list)
    reports: list[tuple[Received, str, Reported]] = field(default_factory=list)
    answers: list[tuple[Received, str, Answer]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def senders(self) -> Iterator[tuple[Received, str]]:
        """Each message that can be read, with the device that it is from."""
        yield from ((message, sent.device_id) for message, sent in self.taps)
        for told in (self.statuses, self.healths, self.anchors, self.reports, self.answers):
            yield from ((message, device_id) for message, device_id, _ in told)


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
        _parse(message, device_id, found)
    except ContractError as error:
        found.refused.append(Refused(message, device_id, str(error)))


def _parse(message: Received, device_id: str, found: Read) -> None:
    payload = message.payload
    match message.topic.rpartition("/")[2]:
        case "status":
            found.statuses.append((message, device_id, DeviceStatus.from_json(payload)))
        case "health":
            found.healths.append((message, device_id, Health.from_json(payload)))
        case "anchor":
            found.anchors.append((message, device_id, Anchor.from_json(payload)))
        case "reported":
            found.reports.append((message, device_id, Reported.from_json(payload)))
        case "answer":
            found.answers.append((message, device_id, Answer.from_json(payload)))
        case _:
            found.taps.append((message, SentTaps(device_id, TapBatch.from_json(payload))))
