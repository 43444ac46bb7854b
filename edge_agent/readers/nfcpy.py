"""Readers that nfcpy 1.0.4 drives.

=========================  ==========================================================
device                     remarks
=========================  ==========================================================
PN532 on a serial line     ``tty:AMA0:pn532``, or any port or symlink such as
                           ``/dev/gate-reader``; the reference reader
Sony RC-S380, PN533, …     ``usb:054c:06c3``; see ``nfc/clf/device.py`` for the list
ACR122U                    reported to need re-plugging; use the PC/SC driver
MIFARE Classic cards       not supported by nfcpy: read as a card without a token
=========================  ==========================================================
"""

from __future__ import annotations

import logging
import os
import re
import termios
import time
from typing import Any

import ndef
import nfc
import nfc.clf
import nfc.tag
from nfc.clf import RemoteTarget, pn53x, pn532, transport

from edge_agent.readers.base import CardRead, ReaderUnavailable, Sighting, TornRead
from edge_agent.readers.paths import serial_port
from edge_agent.readers.presence import Presence

log = logging.getLogger(__name__)

# What nfcpy lets escape when a device goes away: pyserial's and libusb's errors are OSErrors, a
# vanished port is a termios.error, half a frame an IndexError, nonsense from the chip its Error.
_GONE = (OSError, termios.error, IndexError, pn53x.Chipset.Error)

_LOOKS = 2  # at a card that goes silent: the first is often just too far away
_ISO_DEP, _NFC_DEP, _MIFARE_CLASSIC = 0x20, 0x40, 0x08  # bits of SEL_RES, NXP AN10833

_FIT_FOR_A_SHELL = re.compile(r"[A-Za-z0-9/._:+-]+")  # nfcpy runs "stty -F <port>"
_USUAL_SPEED = 115_200
_FAST_SPEEDS = (921_600, 460_800, 230_400)  # nfcpy sets the fastest that the port can do


class _Frontend(nfc.ContactlessFrontend):  # type: ignore[misc]  # nfcpy has no types
    """Notes whether the card answered everything.

    nfcpy reports a card that went silent as one without NDEF; this tells the two apart.
    """

    answered = True

    def exchange(self, send_data: Any, timeout: float) -> Any:
        try:
            answer = super().exchange(send_data, timeout)
        except nfc.clf.CommunicationError:
            self.answered = False
            raise
        if not answer or len(answer) == 1:  # a NAK: the card heard nonsense
            self.answered = False
        return answer


class NfcpyReader:
    """One reader: ``path`` is a serial port with a PN532, absolute, or nfcpy's own notation."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._frontend: _Frontend | None = None
        self._presence = Presence()

    def open(self) -> None:
        try:
            self._frontend = _connect(self._path)
        except _GONE as error:
            raise ReaderUnavailable(str(error) or type(error).__name__) from error

    def poll(self) -> Sighting | None:
        if self._frontend is None:
            raise ReaderUnavailable("not open")
        try:
            return self._poll(self._frontend)
        except _GONE as error:
            raise ReaderUnavailable(str(error) or type(error).__name__) from error

    def close(self) -> None:
        frontend, self._frontend = self._frontend, None
        if frontend is None or frontend.device is None:
            return
        line = frontend.device.chipset.transport
        try:
            frontend.close()
        except _GONE as error:
            log.debug("closing %s: %s", self._path, error)
        _let_go(line)

    def _poll(self, frontend: _Frontend) -> Sighting | None:
        target = frontend.sense(RemoteTarget("106A"))
        if target is None:
            self._presence.found_nothing()
            return None
        uid = _uid(target)
        if not self._presence.is_due(uid, time.monotonic()):
            return None
        sighting = _read(frontend, target)
        now = time.monotonic()
        if isinstance(sighting, TornRead):
            return sighting if self._presence.report_torn(uid, now) else None
        self._presence.was_read(uid, now)
        return sighting


def make(path: str) -> NfcpyReader:
    # What nfcpy logs as an error at every try reaches our log once, as ReaderUnavailable.
    logging.getLogger("nfc").setLevel(logging.CRITICAL)
    return NfcpyReader(path)


def _read(frontend: _Frontend, target: Any) -> Sighting:
    uid = _uid(target)
    if not _can_hold_a_token(target):
        return CardRead(uid, None)
    for _ in range(_LOOKS):
        sighting = _look(frontend, target, uid)
        if isinstance(sighting, CardRead):
            return sighting
        target = frontend.sense(RemoteTarget("106A"))
        if target is None or _uid(target) != uid:
            break
    return TornRead(uid)


def _look(frontend: _Frontend, target: Any, uid: bytes) -> Sighting:
    tag = nfc.tag.activate(frontend, target)
    frontend.answered = True  # activation probes for products, to which silence is an answer
    message = tag.ndef if tag is not None else None
    if message is not None:
        return CardRead(uid, _uri(message))
    return CardRead(uid, None) if tag is not None and frontend.answered else TornRead(uid)


def _uri(message: Any) -> str | None:
    """The first URI in the message. Not ``uri``: ndeflib quotes there what is quoted already."""
    try:
        records = list(message.records)
    except ndef.DecodeError:
        return None
    return next((record.iri for record in records if isinstance(record, ndef.UriRecord)), None)


def _uid(target: Any) -> bytes:
    return bytes(target.sdd_res or target.rid_res[2:])


def _can_hold_a_token(target: Any) -> bool:
    """False for what nfcpy would try to read, and fail, as if the read were torn."""
    if target.sel_res is None:
        return True
    says = target.sel_res[0]
    return bool(says & _ISO_DEP) or not says & (_NFC_DEP | _MIFARE_CLASSIC)


def _connect(path: str) -> _Frontend:
    try:
        return _open(path)
    except OSError:
        if not _slow_down(path):
            raise
    return _open(path)


def _open(path: str) -> _Frontend:
    frontend = _Frontend()
    if not path.startswith("/"):
        if not frontend.open(path):
            raise ReaderUnavailable(f"nfcpy finds no reader at {path}")
        return frontend
    port = os.path.realpath(path)  # by which nfcpy knows the ports with peculiarities
    if not _FIT_FOR_A_SHELL.fullmatch(port):
        raise ReaderUnavailable(f"{path} leads to {port}, which nfcpy would hand to a shell")
    line = transport.TTY(port)
    try:
        frontend.device = pn532.init(line)
    except _GONE:
        _let_go(line)
        raise
    frontend.device._path = port
    return frontend


def _let_go(line: Any) -> None:
    """Close a port also when it has vanished, at which nfcpy gives up and leaves it open."""
    port = getattr(line, "tty", None)
    try:
        line.close()
    except _GONE as error:
        log.debug("closing the port: %s", error)
    if port is not None:
        port.close()


def _slow_down(path: str) -> bool:
    """Whether a PN532 was found that an agent killed without warning had left at a high speed.

    nfcpy begins at 115,200 baud and finds nobody there (its issues 63, 188, 230).
    """
    port = serial_port(path)
    return port is not None and any(_reset_speed(port, speed) for speed in _FAST_SPEEDS)


def _reset_speed(port: str, speed: int) -> bool:
    try:
        line = transport.TTY(port)
    except _GONE:
        return False
    try:
        line.open(port, speed)
        chipset = pn532.Chipset(line, log)
        chipset.send_ack()  # ends whatever command it was in
        chipset.set_serial_baudrate(_USUAL_SPEED)
    except _GONE:
        return False
    finally:
        _let_go(line)
    log.warning("reader at %s was left at %d baud; set it back", port, speed)
    return True
