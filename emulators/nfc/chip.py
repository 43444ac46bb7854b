"""The commands of a PN532 that a host needs to read type A cards (NXP UM0701-02, section 7).

Knows no serial line: ``execute`` takes a command with its data and returns the answer's data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from emulators.nfc.field import Field
from emulators.nfc.tags import ACK, NAK, Tag

DEFAULT_SPEED = 115_200
SPEEDS = (9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600, 1_288_000)

_OK = b"\x00"
_TIMED_OUT = b"\x01"
_CRC_ERROR = b"\x02"
_NO_TARGET = b"\x00"

_RX_MODE = 0x6303  # bit 7: the CIU checks and removes the CRC of what it receives
_FIFO_DATA = 0x6339
_SENS_REQ = 0x26
_CASCADE = b"\x88"


class UnknownCommand(Exception):
    """The chip answers a command that it does not know with a syntax error frame."""


class Chip:
    """One powered PN532 before ``field``; ``wait`` passes the seconds a silent card costs it."""

    def __init__(self, field: Field, wait: Callable[[float], object]) -> None:
        self.speed = DEFAULT_SPEED
        self._field = field
        self._wait = wait
        self._registers = {_RX_MODE: 0x80}
        self._selected: Tag | None = None
        self._patience = 51.2e-3  # seconds a card has to answer; the reset value, UM0701-02 7.3.1

    _COMMANDS: ClassVar[dict[int, Callable[[Chip, bytes], bytes]]] = {}

    def execute(self, command: int, data: bytes) -> bytes:
        """Carry out one command. Raises UnknownCommand."""
        try:
            method = self._COMMANDS[command]
        except KeyError:
            raise UnknownCommand(f"{command:#04x}") from None
        return method(self, data)

    def _diagnose(self, data: bytes) -> bytes:
        line_test = data[:1] == b"\x00"
        return data if line_test else _OK

    def _get_firmware_version(self, _data: bytes) -> bytes:
        return bytes.fromhex("32010607")  # PN532, firmware 1.6, ISO 14443 A and B and ISO 18092

    def _read_register(self, data: bytes) -> bytes:
        addresses = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
        return bytes(self._registers.get(address, 0) for address in addresses)

    def _write_register(self, data: bytes) -> bytes:
        for at in range(0, len(data), 3):
            self._registers[int.from_bytes(data[at : at + 2], "big")] = data[at + 2]
        return b""

    def _set_serial_baud_rate(self, data: bytes) -> bytes:
        self.speed = SPEEDS[data[0]]
        return b""

    def _accept(self, _data: bytes) -> bytes:
        return b""

    def _power_down(self, _data: bytes) -> bytes:
        self._selected = None
        return _OK

    def _rf_configuration(self, data: bytes) -> bytes:
        item, values = data[0], data[1:]
        if item == 0x01 and not values[0] & 1:
            self._selected = None  # without the field the card has no power
        if item == 0x02 and values[2]:
            self._patience = 1e-4 * 2 ** (values[2] - 1)
        return b""

    def _in_list_passive_target(self, data: bytes) -> bytes:
        modulation, wanted = data[1], _without_cascade(data[2:])
        self._selected = None
        self._registers[_RX_MODE] = 0x80
        self._registers[_FIFO_DATA] = _SENS_REQ  # what nfcpy looks for to know that none answered
        tag = self._field.tag if modulation == 0x00 else None
        if tag is None or (wanted and wanted != tag.uid) or not tag.select():
            if not wanted:
                self._field.found_empty()
            return _NO_TARGET
        self._selected = tag
        uid = bytes([len(tag.uid)]) + tag.uid
        return b"\x01\x01" + tag.sens_res[::-1] + tag.sel_res + uid

    def _in_communicate_thru(self, data: bytes) -> bytes:
        tag = self._selected
        answer = tag.command(data) if tag is not None and tag is self._field.tag else None
        if answer is None:
            self._wait(self._patience)
            return _TIMED_OUT
        checks_crc = bool(self._registers[_RX_MODE] & 0x80)
        if answer in (ACK, NAK):
            return _CRC_ERROR if checks_crc else _OK + answer
        return _OK + answer + (b"" if checks_crc else crc_a(answer))

    _COMMANDS |= {
        0x00: _diagnose,
        0x02: _get_firmware_version,
        0x06: _read_register,
        0x08: _write_register,
        0x10: _set_serial_baud_rate,
        0x12: _accept,  # SetParameters
        0x14: _accept,  # SAMConfiguration
        0x16: _power_down,
        0x32: _rf_configuration,
        0x42: _in_communicate_thru,
        0x4A: _in_list_passive_target,
    }


def crc_a(data: bytes) -> bytes:
    """The checksum of ISO/IEC 14443-3 type A, as sent: low byte first."""
    crc = 0x6363
    for byte in data:
        mixed = (byte ^ crc) & 0xFF
        mixed = (mixed ^ mixed << 4) & 0xFF
        crc = crc >> 8 ^ mixed << 8 ^ mixed << 3 ^ mixed >> 4
    return crc.to_bytes(2, "little")


def _without_cascade(uid: bytes) -> bytes:
    """``uid`` as printed on the card: a 7-byte one is sent with a cascade tag in front."""
    return uid[1:] if len(uid) == 8 and uid.startswith(_CASCADE) else uid
