"""Everything that passes between central and this device beside taps, for the uplink to carry.

The uplink knows topics and connections; what the messages mean is decided here. Nothing here may
wait: it runs on the uplink's thread.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from contracts import topics
from contracts.control import Answer, Command, Desired, Reported, RosterNotice
from contracts.fields import ContractError
from contracts.messages import Anchor
from edge_agent.anchors import Anchors
from edge_agent.commands import Commands
from edge_agent.link import Message
from edge_agent.shadow import Shadow

log = logging.getLogger(__name__)

_MOST_ANSWERS = 50  # that wait for a connection


class Correspondence(Protocol):
    """What the uplink carries beside taps, status and health."""

    def topics(self) -> list[str]:
        """What to subscribe to."""

    def greeting(self) -> list[Message]:
        """What to say on each new connection."""

    def pending(self) -> list[Message]:
        """What to say now; it is then as good as said."""

    def receive(self, message: Message) -> None:
        """A message on one of ``topics``. Returns at once and never raises for its content."""

    def as_sent(self, wire: dict[str, Any]) -> dict[str, Any]:
        """A waiting tap in the form in which it should go out now."""


class Silence:
    """For a gate that nobody steers."""

    def topics(self) -> list[str]:
        return []

    def greeting(self) -> list[Message]:
        return []

    def pending(self) -> list[Message]:
        return []

    def receive(self, message: Message) -> None:
        log.warning("nobody here reads %s", message.topic)

    def as_sent(self, wire: dict[str, Any]) -> dict[str, Any]:
        return wire


class Outgoing:
    """Messages from any thread that wait for the uplink."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Message] = deque(maxlen=_MOST_ANSWERS)

    def put(self, message: Message) -> None:
        """Returns at once. Of too many the oldest are forgotten."""
        with self._lock:
            self._waiting.append(message)
        self._wake()

    def take_all(self) -> list[Message]:
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
        return taken


@dataclass(frozen=True)
class Desk:
    """The real one. ``noticed`` is told which version of the roster central holds."""

    device: str
    outgoing: Outgoing
    anchors: Anchors
    shadow: Shadow
    commands: Commands
    noticed: Callable[[str], None]

    def topics(self) -> list[str]:
        return [
            topics.desired(self.device),
            topics.command(self.device),
            topics.roster(self.device),
        ]

    def greeting(self) -> list[Message]:
        said = [anchor_message(self.device, anchor) for anchor in self.anchors.all]
        reported = self.shadow.reported
        return said if reported is None else [*said, self._report(reported)]

    def pending(self) -> list[Message]:
        return self.outgoing.take_all()

    def receive(self, message: Message) -> None:
        try:
            self._understand(message)
        except ContractError as error:
            log.error("%s: %s", message.topic, error)

    def as_sent(self, wire: dict[str, Any]) -> dict[str, Any]:
        return self.anchors.repaired(wire)

    def _understand(self, message: Message) -> None:
        if message.topic == topics.desired(self.device):
            reported = self.shadow.apply(Desired.from_json(message.payload))
            self.outgoing.put(self._report(reported))
        elif message.topic == topics.command(self.device):
            self.commands.take(Command.from_json(message.payload))
        elif message.topic == topics.roster(self.device):
            self.noticed(RosterNotice.from_json(message.payload).version)

    def _report(self, reported: Reported) -> Message:
        return Message(topics.reported(self.device), reported.to_json(), retain=True)


def anchor_message(device: str, anchor: Anchor) -> Message:
    return Message(topics.anchor(device), anchor.to_json())


def answer_message(device: str, answer: Answer) -> Message:
    return Message(topics.answer(device), answer.to_json())
