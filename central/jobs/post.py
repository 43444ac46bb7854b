"""Publishing to gates, for the jobs. With ``ingest`` the only user of the broker in central."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from central.settings import Settings

SECONDS: Final = 5.0  # to connect and have everything acknowledged
_LOOK: Final = 0.2


class BrokerUnavailable(Exception):
    """Not everything was taken. Publishing it all again is right: the last message counts."""


@dataclass(frozen=True, slots=True)
class Letter:
    """``seconds`` None: retained, for whoever connects later. Else nobody gets it after these."""

    topic: str
    payload: bytes
    seconds: int | None = None


class Post:
    """Connects for each delivery: gates are told something a few times a day."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def deliver(self, letters: Sequence[Letter]) -> None:
        """Return when the broker has them all. Raises BrokerUnavailable."""
        delivery = _Delivery(self._settings)
        try:
            delivery.run(letters)
        except OSError as error:
            raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
        finally:
            delivery.close()


class _Delivery:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._deadline = time.monotonic() + SECONDS
        self._connected = False
        self._refused: ReasonCode | None = None
        self._waiting: set[int] = set()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        if settings.mqtt_username:
            client.username_pw_set(settings.mqtt_username, settings.mqtt_password)
        client.connect_timeout = SECONDS
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        self._client = client

    def run(self, letters: Sequence[Letter]) -> None:
        self._client.connect(self._settings.mqtt_host, self._settings.mqtt_port)
        self._pump_until_connected()
        for letter in letters:
            self._publish(letter)
        while self._waiting:
            self._pump()

    def close(self) -> None:
        self._client.disconnect()

    def _publish(self, letter: Letter) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's gap
        if letter.seconds is not None:
            properties.MessageExpiryInterval = max(1, letter.seconds)
        info = self._client.publish(
            letter.topic,
            letter.payload,
            qos=1,
            retain=letter.seconds is None,
            properties=properties,
        )
        self._waiting.add(info.mid)

    def _pump_until_connected(self) -> None:
        while not self._connected:
            self._pump()

    def _pump(self) -> None:
        if time.monotonic() > self._deadline:
            raise BrokerUnavailable("no answer in time")
        lost = self._client.loop(_LOOK) != MQTTErrorCode.MQTT_ERR_SUCCESS
        if self._refused is not None:
            raise BrokerUnavailable(str(self._refused))
        if lost:
            raise BrokerUnavailable("connection lost")

    def _on_connect(self, _c: mqtt.Client, _d: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        self._note(reason)
        self._connected = not reason.is_failure

    def _on_publish(self, _c: mqtt.Client, _d: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
        self._note(reason)
        self._waiting.discard(mid)

    def _note(self, reason: ReasonCode) -> None:
        if reason.is_failure:
            self._refused = reason
