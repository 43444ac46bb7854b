"""The loop between the broker and the database: collect, store, acknowledge; in that order.

One thread. While it stores, it does not read, so a slow database slows the broker down instead of
filling memory here. Whatever was not acknowledged is delivered again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, Protocol

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from central.attendance.service import Recorded
from central.ingest.buffer import MOST_MESSAGES, Buffer
from central.ingest.database import DatabaseUnavailable
from central.ingest.reading import Received
from contracts import topics
from contracts.messages import Receipt

SHARE: Final = "ingest"
IDLE_SECONDS: Final = 0.5  # without messages: how soon a stop is noticed
# The broker sends the next batch while this one is stored; no more than twice a batch waits in
# the socket, and none would be sent before an acknowledgement if this were below a batch.
RECEIVE_MAXIMUM: Final = 2 * MOST_MESSAGES
# How long the broker keeps our messages while we are away. It also keeps giving its share to a
# consumer that is gone for good; a device that gets no receipt sends again, so neither loses a tap.
SESSION_SECONDS: Final = 3600
KEEP_ALIVE_SECONDS: Final = 60
LONGEST_PAUSE: Final = 5.0

log = structlog.stdlib.get_logger(__name__)


class Store(Protocol):
    """Where batches go."""

    def probe(self) -> None:
        """Return if batches can be stored. Raises DatabaseUnavailable."""

    def store(self, messages: list[Received]) -> Recorded:
        """Commit a batch. Raises DatabaseUnavailable if it is not stored."""


@dataclass(frozen=True, slots=True)
class Broker:
    """How to log in. ``client_id`` names the session in which the broker keeps our messages."""

    host: str
    port: int
    client_id: str
    username: str = ""
    password: str = ""


class Consumer:
    """Brings messages from the broker to ``store`` until it is told to stop.

    ``wake`` is called after a commit that queued messages to guardians.
    """

    def __init__(self, broker: Broker, store: Store, wake: Callable[[], None]) -> None:
        self._broker = broker
        self._store = store
        self._wake = wake
        self._buffer = Buffer()
        self._failures = 0
        self._client = self._new_client()

    def run(self, stopping: Event) -> None:
        """Return after ``stopping`` is set and what was received is stored.

        An error that is not an outage is raised: nothing of its batch is acknowledged.
        """
        while not stopping.is_set():
            try:
                self._store.probe()
                self._connect()
                self._consume(stopping)
            except (DatabaseUnavailable, OSError) as error:
                log.warning("interrupted", reason=type(error).__name__, detail=str(error))
            if not stopping.is_set():
                self._failures += 1
                stopping.wait(self._pause())

    def _consume(self, stopping: Event) -> None:
        """Until the connection or the database is gone, or we should stop."""
        try:
            while not stopping.is_set():
                if self._client.loop(self._patience()) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return
                if self._buffer and self._buffer.seconds_left() == 0:
                    self._flush()  # one batch: between two, the broker hears of us
            self._flush()
        finally:
            # On purpose also when the database is away: the broker keeps the messages, or gives
            # them to another consumer, and the keep-alive need not be served while we wait.
            self._client.disconnect()

    def _flush(self) -> None:
        """Store a batch of what was received, then tell broker and devices; in that order."""
        batch = self._buffer.take()
        if not batch:
            return
        try:
            recorded = self._store.store(batch)
        except DatabaseUnavailable:
            self._buffer.shrink()
            raise
        self._buffer.grow()
        self._failures = 0
        for message in batch:
            self._client.ack(message.id, message.qos)
        self._publish(recorded.receipts)
        if recorded.notifications:
            self._wake()
        log.debug(
            "stored",
            messages=len(batch),
            taps=recorded.taps,
            notifications=recorded.notifications,
        )

    def _publish(self, receipts: Iterable[tuple[str, Receipt]]) -> None:
        for device_id, receipt in receipts:
            self._client.publish(topics.receipt(device_id), receipt.to_json(), qos=1, retain=True)

    def _patience(self) -> float:
        return self._buffer.seconds_left() if self._buffer else IDLE_SECONDS

    def _pause(self) -> float:
        """Doubling, and never twice the same: consumers need not come back all at once."""
        longest = min(LONGEST_PAUSE, 0.1 * 2.0 ** min(self._failures, 10))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing

    def _new_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        if self._broker.username:
            client.username_pw_set(self._broker.username, self._broker.password)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's gap
        properties.SessionExpiryInterval = SESSION_SECONDS
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect(
            self._broker.host,
            self._broker.port,
            KEEP_ALIVE_SECONDS,
            clean_start=False,
            properties=properties,
        )

    def _on_connect(
        self, client: mqtt.Client, _data: Any, flags: mqtt.ConnectFlags, reason: ReasonCode, _p: Any
    ) -> None:
        if reason.is_failure:
            log.error("broker_refused", reason=str(reason))
            return
        log.info("connected", session_present=flags.session_present)
        client.subscribe(
            [
                (topics.shared(SHARE, topics.ALL_TAPS), SubscribeOptions(qos=1)),
                (topics.ALL_STATUS, SubscribeOptions(qos=1)),
                (topics.shared(SHARE, topics.ALL_HEALTH), SubscribeOptions(qos=0)),
                (topics.shared(SHARE, topics.ALL_ANCHORS), SubscribeOptions(qos=1)),
                (topics.shared(SHARE, topics.ALL_REPORTED), SubscribeOptions(qos=1)),
                (topics.shared(SHARE, topics.ALL_ANSWERS), SubscribeOptions(qos=1)),
            ]
        )

    def _on_subscribe(
        self, _c: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _p: Any
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                raise PermissionError(f"the broker refuses a subscription: {reason}")

    def _on_disconnect(
        self, _c: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _p: Any
    ) -> None:
        # The ids of these messages belong to the connection that is gone; they will come again.
        log.info("disconnected", reason=str(reason), unstored=len(self._buffer))
        self._buffer.clear()

    def _on_message(self, _c: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self._buffer.add(Received(message.topic, payload, message.mid, message.qos))
