"""One connection to the broker. The only importer of paho-mqtt.

Driven by a single thread through ``pump``; paho's own reconnecting is not used, because its pauses
have no jitter and it would resend on its own what the outbox sends anyway.
"""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.settings import BrokerSettings
from edge_agent.trust import mind_the_clock, trust

log = logging.getLogger(__name__)

SESSION_SECONDS = 3600  # no order is valid for longer
_CONNECT_SECONDS = 5.0  # for TCP, then for TLS, then for the broker's answer
_KEEPALIVE_SECONDS = 30  # a gate that lost its power is seen offline after one and a half of these


class LinkDown(Exception):
    """There is no connection, or no longer; the text says why, as far as the broker told."""


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1


def _kept_session() -> Properties:
    """Have the broker keep what is sent to us while we reconnect: an order is not retained."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_SECONDS
    return properties


class Link:
    """Opened once, never again after ``LinkDown``."""

    def __init__(
        self,
        broker: BrokerSettings,
        device: str,
        will: Message,
        on_message: Callable[[Message], None],
        clock: str = "synced",
    ) -> None:
        """``clock`` says whether the times in certificates count, as that of a tap does."""
        self._broker = broker
        self._clock = clock
        self._why_down = "connection lost"
        self._failure = ""  # of the socket, in the words of OpenSSL or the kernel
        self._said_hello = False  # the broker, whether or not it lets us in
        self._accepted = False
        self.refused = 0  # messages that we may not publish, as when we are revoked
        self._unacknowledged: set[int] = set()
        self._on_message = on_message
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=device, protocol=MQTTProtocolVersion.MQTTv5
        )
        if broker.username:
            client.username_pw_set(broker.username, broker.password)
        client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.connect_timeout = _CONNECT_SECONDS
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._received
        client.on_publish = self._acknowledged
        client.on_subscribe = self._subscribed
        client.on_log = self._logged
        self._client = client

    def open(self) -> None:
        """Return when the broker has let us in. Raises LinkDown."""
        try:
            self._set_tls()
            self._client.connect(
                self._broker.host,
                self._broker.port,
                _KEEPALIVE_SECONDS,
                clean_start=False,
                properties=_kept_session(),
            )
        except (OSError, ValueError) as error:  # ValueError: a certificate of another host
            raise LinkDown(f"{type(error).__name__}: {error}") from error
        deadline = time.monotonic() + _CONNECT_SECONDS
        while not self._accepted:
            self.pump(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline and not self._accepted:
                raise LinkDown("the broker does not answer")

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)

    def publish(self, message: Message) -> None:
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        if message.qos:
            self._unacknowledged.add(info.mid)

    def pump(self, seconds: float, wake: int | None = None) -> None:
        """Exchange bytes with the broker for up to ``seconds``, or until ``wake`` can be read.

        Handlers run inside this call. Raises LinkDown.
        """
        connection: Any = self._client.socket()  # paho types it as less than the socket it is
        if connection is None:
            raise LinkDown(self._why_down)
        decrypted = getattr(connection, "pending", lambda: 0)()
        readable, writable, _ = select.select(
            [connection] if wake is None else [connection, wake],
            [connection] if self._client.want_write() else [],
            [],
            0 if decrypted else seconds,
        )
        if decrypted or connection in readable:
            self._client.loop_read()
        if connection in writable:
            self._client.loop_write()
        self._client.loop_misc()
        if self._client.socket() is None:
            raise LinkDown(self._reason())

    def flush(self, seconds: float) -> None:
        """Return when the broker acknowledged all that was published, or after ``seconds``."""
        deadline = time.monotonic() + seconds
        while self._unacknowledged and (left := deadline - time.monotonic()) > 0:
            self.pump(left)

    def say_goodbye(self) -> None:
        """Disconnect in order, so that the broker does not publish our will."""
        self._client.disconnect()

    def close(self) -> None:
        """Let go of the connection, if there is one. Without a good-bye the will is published."""
        connection: Any = self._client.socket()
        if connection is not None:
            connection.close()

    def _set_tls(self) -> None:
        files = self._broker.tls
        if files is None:
            return
        context = trust(files.ca_file)
        if files.cert_file is not None:
            context.load_cert_chain(files.cert_file, files.key_file)
        mind_the_clock(context, self._clock)
        self._client.tls_set_context(context)

    def _reason(self) -> str:
        """Why there is no connection any more.

        With TLS 1.3 the handshake succeeds here before the broker has looked at our certificate;
        what it thinks of it, if it says so at all, comes instead of its first answer.
        """
        tls = self._broker.tls
        if tls is None or tls.cert_file is None or self._said_hello:
            return self._why_down
        return f"the broker may refuse our certificate ({self._failure or self._why_down})"

    def _logged(self, _c: Client, _u: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._failure = text

    def _connected(self, _c: Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        self._said_hello = True
        self._accepted = not reason.is_failure
        if reason.is_failure:
            self._why_down = f"the broker refuses us: {reason}"

    def _disconnected(self, _c: Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if self._accepted:
            self._why_down = str(reason)

    def _received(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        self._on_message(Message(message.topic, payload, message.retain, message.qos))

    def _acknowledged(self, _c: Client, _u: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
        self._unacknowledged.discard(mid)
        if reason.is_failure:
            log.error("the broker refused a message: %s", reason)
            self.refused += 1

    def _subscribed(self, _c: Client, _u: Any, _m: int, reasons: list[ReasonCode], _p: Any) -> None:
        for reason in reasons:
            if reason.is_failure:
                log.error("the broker refused a subscription: %s", reason)
