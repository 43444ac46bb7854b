"""Gates that all send at once, faster than anything can store it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from threading import Event
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.nation import Nation
from contracts import topics
from contracts.messages import Card, Receipt, TapBatch, TapRead
from devkit.servers import Mosquitto

USER = "central-ingest"  # may use every device's topics; one connection stands for all the gates
IN_FLIGHT = 500  # as many gates as would send at the same moment
SECONDS = 300

Message = tuple[str, bytes]  # topic, payload


class Gates:
    """All devices of a nation. ``send`` keeps no longer than the broker takes to accept."""

    def __init__(self, broker: Mosquitto, nation: Nation) -> None:
        self._nation = nation
        self._sent: dict[str, int] = defaultdict(int)  # by device: taps so far
        self._stream = ""
        self._expected: dict[str, int] = {}
        self._receipted = Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="bench-gates", protocol=mqtt.MQTTv5
        )
        self._client.username_pw_set(USER, USER)
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.on_message = self._on_message
        self._client.connect(broker.host, broker.port)
        self._client.subscribe(topics.receipt("+"), qos=1)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def prepare(self, stream: str, taps: int, *, per_message: int) -> list[Message]:
        """Messages of a new stream of every device, made beforehand so that sending is cheap."""
        self._stream, self._expected = stream, {}
        self._receipted.clear()
        return list(self._messages(taps, per_message))

    def send(self, messages: Sequence[Message]) -> float:
        """Publish all of it. Returns the time (monotonic) at which it began."""
        began = time.monotonic()
        for topic, payload in messages:
            self._client.publish(topic, payload, qos=1)
        return began

    def wait_for_receipts(self) -> float:
        """Return the time (monotonic) at which the last tap was receipted."""
        if not self._receipted.wait(SECONDS):
            raise TimeoutError(f"{len(self._expected)} devices got no receipt for their last tap")
        return time.monotonic()

    def _messages(self, taps: int, per_message: int) -> Iterator[Message]:
        devices = self._nation.devices
        now = datetime.now(UTC)
        for number in range(taps // per_message):
            device = devices[number % len(devices)]
            seq = self._expected.get(device, 0)
            batch = tuple(
                self._tap(device, seq + position + 1, now) for position in range(per_message)
            )
            self._expected[device] = seq + per_message
            yield topics.taps(device), TapBatch(self._stream, batch).to_json()

    def _tap(self, device: str, seq: int, at: datetime) -> TapRead:
        self._sent[device] += 1
        digest = self._nation.digest(device, self._sent[device])
        card = Card("token", digest)
        return TapRead(seq, at, "synced", "4fb2a1c0", 1000 + seq, "pn532-0", card, "accepted")

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        device = topics.device_of(message.topic)
        receipt = Receipt.from_json(bytes(message.payload))
        if receipt.stream == self._stream and receipt.upto >= self._expected.get(device, 0):
            self._expected.pop(device, None)
            if not self._expected:
                self._receipted.set()
