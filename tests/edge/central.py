"""The other side: subscribes as central's ingest does, and sends receipts when told to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contracts import topics
from contracts.control import Answer, Command, Desired, Reported
from contracts.messages import Anchor, DeviceStatus, Health, Receipt, TapBatch, TapRead
from devkit.servers import Mosquitto
from tests.edge.gate import PATIENCE

USER = "central-ingest"


class Central:
    """Hears everything of one device. With ``prompt`` it receipts at once what it holds."""

    def __init__(self, broker: Mosquitto, device: str, *, prompt: bool = False) -> None:
        self.prompt = prompt
        self.batches: list[TapBatch] = []
        self.statuses: list[DeviceStatus] = []
        self.healths: list[Health] = []
        self.anchors: list[Anchor] = []
        self.reports: list[Reported] = []
        self.answers: list[Answer] = []
        self._device = device
        self._changed = threading.Condition()
        self._ready = threading.Event()
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"test-central-{device}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        client.username_pw_set(USER, USER)
        client.on_connect = self._connected
        client.on_subscribe = lambda *_: self._ready.set()
        client.on_message = self._received
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", broker.port)
        self._client = client

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        client = self._client
        client.disconnect()
        client.loop_stop()
        # Else client and callbacks hold one another, and paho's sockets are left to the collector.
        client.on_connect = client.on_subscribe = client.on_message = None

    @property
    def taps(self) -> list[TapRead]:
        """Every tap received, with repetitions, in the order of arrival."""
        return [tap for batch in self.batches for tap in batch.taps]

    def held(self, stream: str) -> set[int]:
        """The seqs of a stream, each once."""
        return {tap.seq for batch in self.batches if batch.stream == stream for tap in batch.taps}

    def wait_for(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, seconds), "central did not hear of it in time"

    def wait_for_taps(self, stream: str, count: int, seconds: float = PATIENCE) -> None:
        """Until ``count`` different taps of the stream have arrived."""
        self.wait_for(lambda: len(self.held(stream)) >= count, seconds)

    def wait_for_statuses(self, count: int) -> None:
        self.wait_for(lambda: len(self.statuses) >= count)

    def is_quiet(self, seconds: float) -> bool:
        """Whether no further tap arrives for a while."""
        before = len(self.batches)
        with self._changed:
            return not self._changed.wait_for(lambda: len(self.batches) > before, seconds)

    def receipt(self, stream: str, upto: int, *holes: tuple[int, int]) -> None:
        self.send(topics.receipt(self._device), Receipt(stream, upto, holes).to_json())

    def order(
        self, name: str, number: int = 1, *, until: timedelta = timedelta(minutes=1), **args: Any
    ) -> Answer:
        """Give an order and wait for one more answer to it."""
        command = Command(f"c-{number}", name, args, datetime.now(UTC) + until)
        before = len(self.answers)
        self.send(topics.command(self._device), command.to_json(), retain=False)
        self.wait_for(lambda: len(self.answers) > before)
        return self.answers[-1]

    def desire(self, version: int, **config: Any) -> Reported:
        """Want a configuration and wait for what the device says of it."""
        before = len(self.reports)
        self.send(topics.desired(self._device), Desired(version, config).to_json())
        self.wait_for(lambda: len(self.reports) > before)
        return self.reports[-1]

    def send(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE)

    def _connected(self, client: Client, *_: Any) -> None:
        client.subscribe(f"gate/v1/{self._device}/up/#", qos=1)

    def _received(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        kind = message.topic.rsplit("/", 1)[-1]
        payload = bytes(message.payload)
        with self._changed:
            if kind == "taps":
                self.batches.append(TapBatch.from_json(payload))
                if self.prompt:
                    self._receipt_all(client, self.batches[-1].stream)
            elif kind == "status":
                self.statuses.append(DeviceStatus.from_json(payload))
            else:
                self._note(kind, payload)
            self._changed.notify_all()

    def _note(self, kind: str, payload: bytes) -> None:
        match kind:
            case "health":
                self.healths.append(Health.from_json(payload))
            case "anchor":
                self.anchors.append(Anchor.from_json(payload))
            case "reported":
                self.reports.append(Reported.from_json(payload))
            case "answer":
                self.answers.append(Answer.from_json(payload))

    def _receipt_all(self, client: Client, stream: str) -> None:
        held = self.held(stream)
        upto = next(seq for seq in range(len(held) + 1, -1, -1) if seq == 0 or seq in held)
        if held == set(range(1, upto + 1)):
            payload = Receipt(stream, upto).to_json()
            client.publish(topics.receipt(self._device), payload, qos=1, retain=True)
