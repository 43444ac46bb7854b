"""Who may say what on the broker: the access list ties a topic to the name behind it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from devkit.servers import Mosquitto

SECONDS = 5


class Somebody:
    """A client that is logged in, with what it received and what the broker said to it."""

    def __init__(self, client: mqtt.Client) -> None:
        self.client = client
        self.welcome = ""
        self.received: queue.Queue[str] = queue.Queue()
        self.granted: queue.Queue[None] = queue.Queue()
        self.answers: queue.Queue[ReasonCode] = queue.Queue()
        client.on_message = lambda _c, _u, message: self.received.put(message.topic)
        client.on_subscribe = lambda *_: self.granted.put(None)
        client.on_publish = lambda _c, _u, _mid, reason, _p: self.answers.put(reason)

    def listen(self, topic_filter: str) -> None:
        self.client.subscribe(topic_filter, qos=1)
        self.granted.get(timeout=SECONDS)

    def say(self, topic: str) -> str:
        """The broker's answer to a message on ``topic``."""
        self.client.publish(topic, b"{}", qos=1)
        return str(self.answers.get(timeout=SECONDS))


@contextmanager
def logged_in(broker: Mosquitto, name: str, password: str) -> Iterator[Somebody]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(name, password)
    connected: queue.Queue[ReasonCode] = queue.Queue()
    client.on_connect = lambda _c, _u, _f, reason, _p: connected.put(reason)
    somebody = Somebody(client)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        reason = connected.get(timeout=SECONDS)
        somebody.welcome = str(reason)
        yield somebody
    finally:
        client.disconnect()
        client.loop_stop()
        # Else client and callbacks hold one another, and paho's sockets are left to the collector.
        client.on_message = client.on_subscribe = client.on_publish = None


@pytest.fixture
def broker(mosquitto: Mosquitto) -> Mosquitto:
    mosquitto.admit({"gate-1": "one", "gate-2": "two"})
    return mosquitto


def test_a_device_is_heard_on_its_own_topic_only(broker: Mosquitto) -> None:
    with (
        logged_in(broker, "central-ingest", "central-ingest") as central,
        logged_in(broker, "gate-1", "one") as device,
    ):
        # A share of its own: a broker used by other tests may keep a session of an ended ingest in
        # the share "ingest", which would be handed this message instead of us.
        central.listen("$share/listener/gate/v1/+/up/taps")

        assert device.say("gate/v1/gate-2/up/taps") == "Not authorized"
        assert device.say("gate/v1/gate-1/down/receipt") == "Not authorized"
        assert device.say("gate/v1/gate-1/up/taps") == "Success"

        assert central.received.get(timeout=SECONDS) == "gate/v1/gate-1/up/taps"
        assert central.received.empty()


def test_a_device_hears_what_is_meant_for_it_only(broker: Mosquitto) -> None:
    with (
        logged_in(broker, "central-ingest", "central-ingest") as central,
        logged_in(broker, "gate-1", "one") as device,
    ):
        device.listen("gate/v1/+/down/receipt")
        device.listen("#")

        central.say("gate/v1/gate-2/down/receipt")
        central.say("gate/v1/gate-1/down/receipt")

        assert device.received.get(timeout=SECONDS) == "gate/v1/gate-1/down/receipt"


@pytest.mark.parametrize(
    ("name", "topic", "answer"),
    [
        ("central-scheduler", "gate/v1/gate-1/down/command", "Success"),
        ("central-scheduler", "gate/v1/gate-1/down/receipt", "Not authorized"),
        ("central-scheduler", "gate/v1/gate-1/up/taps", "Not authorized"),
        ("central-web", "gate/v1/gate-1/down/receipt", "Not authorized"),
        ("central-worker", "gate/v1/gate-1/down/receipt", "Not authorized"),
    ],
)
def test_only_ingest_can_make_a_gate_forget(
    broker: Mosquitto, name: str, topic: str, answer: str
) -> None:
    with logged_in(broker, name, name) as process:
        said = process.say(topic)

        assert ("Success" if said == "No matching subscribers" else said) == answer


@pytest.mark.parametrize(("name", "password"), [("gate-1", "two"), ("nobody", "x")])
def test_nobody_enters_with_a_wrong_name_or_password(
    broker: Mosquitto, name: str, password: str
) -> None:
    with logged_in(broker, name, password) as stranger:
        assert stranger.welcome == "Not authorized"


def test_passwords_are_stored_hashed(broker: Mosquitto) -> None:
    stored = (broker.folder / "passwords").read_text()

    assert "gate-1:$7$" in stored
    assert not (broker.folder / "passwords.plain").exists()
