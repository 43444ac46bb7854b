"""Whether an MQTT broker is there: the first words of the protocol, without a client's machinery.

MQTT 5.0, sections 3.1 (CONNECT) and 3.2 (CONNACK).
"""

from __future__ import annotations

import socket
from typing import Final

from central.settings import Settings

_CONNECT, _CONNACK = 0x10, 0x20
_DISCONNECT: Final = b"\xe0\x00"
_CLEAN_START, _WITH_PASSWORD, _WITH_USER = 0x02, 0x40, 0x80
_ACCEPTED: Final = 0
_NOT_AUTHORISED: Final = (0x86, 0x87)


class BrokerRefused(Exception):
    """Something answered that is no broker, or it did not take our name and password."""


def greet(settings: Settings, *, timeout: float) -> None:
    """Return if the broker answers in MQTT. Raises BrokerRefused and OSError.

    Without MQTT_USERNAME the refusal of a stranger is a good answer too: it proves a broker.
    """
    user, password = settings.mqtt_username, settings.mqtt_password
    address = (settings.mqtt_host, settings.mqtt_port)
    with socket.create_connection(address, timeout=timeout) as connection:
        connection.sendall(_hello(user, password))
        kind, _, _, reason = _exactly(connection, 4)
        connection.sendall(_DISCONNECT)
    if kind != _CONNACK:
        raise BrokerRefused("not an MQTT broker")
    if reason == _ACCEPTED or (not user and reason in _NOT_AUTHORISED):
        return
    raise BrokerRefused(f"reason code 0x{reason:02x}")


def _hello(user: str, password: str) -> bytes:
    flags = _CLEAN_START | (_WITH_USER if user else 0) | (_WITH_PASSWORD if password else 0)
    header = _text("MQTT") + bytes((5, flags)) + b"\x00\x0a" + b"\x00"  # keep-alive, no properties
    payload = _text("") + b"".join(_text(value) for value in (user, password) if value)
    body = header + payload
    return bytes((_CONNECT,)) + _length(len(body)) + body


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _length(size: int) -> bytes:
    """A variable byte integer: seven bits a byte, lowest first."""
    digits = bytearray()
    while True:
        size, digit = divmod(size, 128)
        digits.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(digits)


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise BrokerRefused("closed the connection")
        received += part
    return received
