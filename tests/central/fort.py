"""A broker that gates reach by certificate, as in a deployment, and those who come to its door."""

from __future__ import annotations

import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from central.identity.signing import Signer, new_key
from devkit.servers import CENTRAL_USERS, Door, Mosquitto, free_port

SECONDS = 10  # for what takes milliseconds on a machine with nothing else to do
NOBODY = "nobody answered"


@dataclass(frozen=True)
class Pass:
    """What somebody shows at the door: certificate and key in one file, or None for nothing."""

    file: Path | None
    serial: str = ""


def a_pass(folder: Path, signer: Signer, name: str, *, at: datetime | None = None) -> Pass:
    """One that ``signer`` gave to ``name``, now or at ``at``."""
    key, private = new_key()
    issued = signer.sign_device(name, key, now=at or datetime.now(UTC))
    return Pass(written(folder, issued.pem + private), issued.serial)


def written(folder: Path, pem: str) -> Path:
    file = folder / f"{uuid4().hex}.pem"
    file.write_text(pem)
    return file


def self_made(folder: Path, signer: Signer, name: str) -> Pass:
    """Claims to be of our authority, and is signed by its own key."""
    public, private = new_key()
    issued = signer.sign_device(name, public, now=datetime.now(UTC))
    certificate = x509.load_pem_x509_certificate(issued.pem.encode())
    forger = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        issuer_name=certificate.issuer,
        subject_name=certificate.subject,
        public_key=public,
        serial_number=certificate.serial_number,
        not_valid_before=certificate.not_valid_before_utc,
        not_valid_after=certificate.not_valid_after_utc,
    )
    forged = builder.sign(forger, SHA256())
    pem = forged.public_bytes(Encoding.PEM).decode()
    return Pass(written(folder, pem + private), issued.serial)


def a_broker(folder: Path, delivered: Path) -> Mosquitto:
    """Central's users have their own names as passwords; devices have none."""
    users = {name: name for name in CENTRAL_USERS}
    return Mosquitto(folder, free_port(), users, Door(free_port(), delivered))


class Guest:
    """A client, with what it was told and what it received."""

    def __init__(self, client: mqtt.Client) -> None:
        self.client = client
        self.welcome = NOBODY
        self.received: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.lost: queue.Queue[str] = queue.Queue()
        self._connected: queue.Queue[str] = queue.Queue()
        self._granted: queue.Queue[None] = queue.Queue()
        self._answers: queue.Queue[ReasonCode] = queue.Queue()
        client.on_connect = lambda _c, _u, _f, reason, _p: self._connected.put(str(reason))
        client.on_disconnect = lambda _c, _u, _f, reason, _p: self.lost.put(str(reason))
        client.on_message = lambda _c, _u, m: self.received.put((m.topic, bytes(m.payload)))
        client.on_subscribe = lambda *_: self._granted.put(None)
        client.on_publish = lambda _c, _u, _mid, reason, _p: self._answers.put(reason)

    @property
    def inside(self) -> bool:
        return self.welcome == "Success"

    def enter(self, host: str, port: int) -> None:
        """Come in, or learn that one is not let in."""
        try:
            self.client.connect(host, port)
        except OSError as error:
            self.welcome = type(error).__name__
            return
        self.client.loop_start()
        # One without a good certificate learns of it only when it reads (TLS 1.3): no answer comes.
        over = False
        while self.welcome == NOBODY and not over:
            over = not self.lost.empty()  # what was said before it was lost is there by now
            with suppress(queue.Empty):
                self.welcome = self._connected.get(timeout=0.05)

    def listen(self, topic_filter: str) -> None:
        self.client.subscribe(topic_filter, qos=1)
        self._granted.get(timeout=SECONDS)

    def say(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> str:
        """The broker's answer."""
        self.client.publish(topic, payload, qos=1, retain=retain)
        said = str(self._answers.get(timeout=SECONDS))
        return "Success" if said == "No matching subscribers" else said

    def heard(self) -> tuple[str, bytes]:
        return self.received.get(timeout=SECONDS)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        # Else client and callbacks hold one another, and paho's sockets are left to the collector.
        for name in ("connect", "disconnect", "message", "subscribe", "publish"):
            setattr(self.client, f"on_{name}", None)
        connection: Any = self.client.socket()
        if connection is not None:
            connection.close()


@contextmanager
def at_the_door(
    broker: Mosquitto, shown: Pass, authorities: Path, *, client_id: str = "", user: str = ""
) -> Iterator[Guest]:
    """Somebody who shows ``shown``, and may claim another name."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
    client.reconnect_delay_set(60, 60)  # whoever is thrown out stays out
    context = ssl.create_default_context(cafile=str(authorities))
    if shown.file is not None:
        context.load_cert_chain(shown.file)
    client.tls_set_context(context)
    if user:
        client.username_pw_set(user, user)
    assert broker.door is not None
    guest = Guest(client)
    try:
        guest.enter("localhost", broker.door.port)
        yield guest
    finally:
        guest.leave()


@contextmanager
def of_central(broker: Mosquitto, name: str = "central-ingest") -> Iterator[Guest]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(name, name)
    guest = Guest(client)
    try:
        guest.enter(broker.host, broker.port)
        assert guest.inside, guest.welcome
        yield guest
    finally:
        guest.leave()
