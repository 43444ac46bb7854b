"""The real ingest process, and gates that speak to it through the real broker."""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy.orm import Session

from central.devices.models import Device
from central.settings import Settings
from contracts import topics
from contracts.messages import Receipt, TapBatch, TapRead
from devkit.process import Program, Running
from devkit.servers import CENTRAL_USERS, Mosquitto, free_port
from tests.builders import a_course, a_gate, a_guardian, a_school, a_student

SECONDS = 20  # for anything that normally takes a fraction of one


def ingest_environment(settings: Settings, broker: Mosquitto, client_id: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": settings.database_url_override,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "MQTT_HOST": broker.host,
        "MQTT_PORT": str(broker.port),
        "MQTT_USERNAME": "central-ingest",
        "MQTT_PASSWORD": "central-ingest",
        "MQTT_CLIENT_ID": client_id,
        "LOG_LEVEL": "DEBUG",
    }


class Ingest:
    """``python -m central.ingest`` as a process of its own; started again it is a new one."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.log = log
        self.environment = environment
        self._running: Running | None = None

    def start(self) -> None:
        """Return when it has subscribed."""
        lines = self._log_text().count('"connected"')
        self._running = Running(
            Program(
                name="ingest",
                argv=(sys.executable, "-m", "central.ingest"),
                env=self.environment,
                log=self.log,
                ready=lambda _pid: self._log_text().count('"connected"') > lines,
                cwd=Path.cwd(),
            )
        )
        self._running.wait_ready(SECONDS)

    @property
    def process(self) -> Running:
        assert self._running is not None
        return self._running

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> int | None:
        """SIGTERM; the exit status."""
        self.process.ask_to_stop()
        self.process.stop()
        return self.process.exit_status()

    def _log_text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


def own_broker(folder: Path) -> Mosquitto:
    """A broker for tests of consumers: those of other tests would take their share of its taps."""
    users = {name: name for name in CENTRAL_USERS}
    return Mosquitto(folder / f"mosquitto-{uuid4().hex[:8]}", free_port(), users)


def a_class(session: Session, device_id: str, *, students: int = 1) -> None:
    """Students with cards ``c0``, ``c1`` …, each with a guardian, and ``device_id`` at a gate."""
    school = a_school(session)
    course = a_course(session, school)
    for number in range(students):
        a_guardian(session, a_student(session, course, card=f"c{number}"))
    session.add(Device(school_id=school.id, id=device_id, gate_id=a_gate(session, school).id))
    session.commit()


@dataclass
class GateClient:
    """A device at the broker. ``receipts`` holds what central told it, oldest first."""

    device_id: str
    client: mqtt.Client
    receipts: queue.Queue[Receipt]

    def send(self, *taps: TapRead, stream: str = "s1") -> None:
        self.send_raw(TapBatch(stream, taps).to_json())

    def send_raw(self, payload: bytes, topic: str = "") -> None:
        self.client.publish(topic or topics.taps(self.device_id), payload, qos=1)

    def receipt(self) -> Receipt:
        return self.receipts.get(timeout=SECONDS)


@contextmanager
def gate_client(broker: Mosquitto, device_id: str) -> Iterator[GateClient]:
    """Log in as a device with its own name as password, and listen for receipts."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=device_id, protocol=mqtt.MQTTv5)
    client.username_pw_set(device_id, device_id)
    gate = GateClient(device_id, client, queue.Queue())
    listening: queue.Queue[None] = queue.Queue()
    client.on_connect = lambda *_: _listen(client, device_id)
    client.on_subscribe = lambda *_: listening.put(None)
    client.on_message = lambda _c, _u, message: gate.receipts.put(
        Receipt.from_json(bytes(message.payload))
    )
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        listening.get(timeout=SECONDS)
        yield gate
    finally:
        client.disconnect()
        client.loop_stop()


def _listen(client: mqtt.Client, device_id: str) -> None:
    client.subscribe(topics.receipt(device_id), qos=1)
