"""NTAG213 and NTAG215 as the reader chip meets them: a command in, an answer or silence out.

Pure: no clock, no I/O. Facts from NXP's NTAG213/215/216 data sheet (rev. 3.2) and the NFC Forum's
Type 2 Tag specification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import ndef

ACK = b"\x0a"  # four bits on the air, so it carries no CRC
NAK = b"\x00"
PAGE = 4  # bytes
READ_LENGTH = 16
TERMINATOR = 0xFE
_FIRST_USER_PAGE = 4
_LOCK_PAGE, _CAPABILITY_PAGE = 2, 3


class Tag(Protocol):
    """Something in the reader's field that speaks ISO/IEC 14443-3 type A."""

    uid: bytes
    sens_res: bytes
    sel_res: bytes

    def select(self) -> bool:
        """Whether the tag answers the anticollision; if so, it is ready for commands."""

    def command(self, frame: bytes) -> bytes | None:
        """The answer to a frame, both without CRC; None when the tag stays silent."""


@dataclass(frozen=True, slots=True)
class Model:
    """What tells the members of the family apart.

    ``factory`` is what a new tag holds from page 4 on; ``lock_pages`` is how many pages one bit of
    the dynamic lock bytes protects.
    """

    storage_size: int
    pages: int
    capability: bytes
    factory: bytes
    lock_pages: int

    @property
    def dynamic_lock_page(self) -> int:
        return self.pages - 5


MODELS: Mapping[str, Model] = {
    "213": Model(0x0F, 45, bytes.fromhex("e1101200"), bytes.fromhex("0103a00c340300fe"), 2),
    "215": Model(0x11, 135, bytes.fromhex("e1103e00"), bytes.fromhex("0300fe"), 16),
}


class Ntag:
    """One card. A blank one is as it leaves NXP's factory: formatted, with an empty message."""

    sens_res = bytes.fromhex("4400")
    sel_res = b"\x00"

    def __init__(self, uid: bytes, model: str = "213") -> None:
        if len(uid) != 7:
            raise ValueError(f"uid: an NTAG has 7 bytes, got {len(uid)}")
        self.uid = uid
        self._model = MODELS[model]
        self._memory = _factory_memory(uid, self._model)
        self._listening = False
        self._commands: dict[int, Callable[[bytes], bytes | None]] = {
            0x30: self._read,
            0x3A: self._fast_read,
            0x50: self._halt,
            0x60: self._get_version,
            0xA2: self._write,
        }

    def select(self) -> bool:
        self._listening = True
        return True

    def command(self, frame: bytes) -> bytes | None:
        """Answer as the chip does: a NAK or an unknown command undoes the selection."""
        if not self._listening or not frame:
            return None
        answer = self._commands.get(frame[0], self._halt)(frame[1:])
        self._listening = answer not in (None, NAK)
        return answer

    def pages(self, first: int, last: int) -> bytes:
        """The memory of pages ``first`` to ``last``, both included, as a test wants to see it."""
        return bytes(self._memory[first * PAGE : (last + 1) * PAGE])

    def store(self, message: bytes) -> None:
        """Put an NDEF message in the first place of the user memory meant for one."""
        start = self._model.factory.index(b"\x03\x00")
        long = len(message) >= 0xFF
        length = b"\xff" + len(message).to_bytes(2, "big") if long else bytes([len(message)])
        record = b"\x03" + length + message + bytes([TERMINATOR])
        begin = _FIRST_USER_PAGE * PAGE + start
        if begin + len(record) > self._model.dynamic_lock_page * PAGE:
            raise ValueError(f"message: {len(message)} bytes do not fit on this tag")
        self._memory[begin : begin + len(record)] = record

    def _read(self, argument: bytes) -> bytes:
        if len(argument) != 1 or argument[0] >= self._model.pages:
            return NAK
        begin = argument[0] * PAGE
        return bytes((self._memory * 2)[begin : begin + READ_LENGTH])  # rolls over to page 0

    def _fast_read(self, argument: bytes) -> bytes:
        if len(argument) != 2 or not argument[0] <= argument[1] < self._model.pages:
            return NAK
        return self.pages(argument[0], argument[1])

    def _get_version(self, _argument: bytes) -> bytes:
        return bytes([0x00, 0x04, 0x04, 0x02, 0x01, 0x00, self._model.storage_size, 0x03])

    def _halt(self, _argument: bytes) -> None:
        return None

    def _write(self, argument: bytes) -> bytes:
        if len(argument) != 1 + PAGE:
            return NAK
        page, data = argument[0], argument[1:]
        if not _LOCK_PAGE <= page < self._model.pages or self._locked(page):
            return NAK
        begin = page * PAGE
        if page in (_LOCK_PAGE, _CAPABILITY_PAGE, self._model.dynamic_lock_page):
            old = self._memory[begin : begin + PAGE]
            data = bytes(
                new | kept for new, kept in zip(data, old, strict=True)
            )  # set, never clear
        if page == _LOCK_PAGE:
            data = bytes(self._memory[begin : begin + 2]) + data[2:]  # check byte and internal
        self._memory[begin : begin + PAGE] = data
        return ACK

    def _locked(self, page: int) -> bool:
        static = int.from_bytes(self._memory[10:12], "little")
        if _CAPABILITY_PAGE <= page < 16:
            return bool(static >> page & 1)
        if not 16 <= page < self._model.dynamic_lock_page:
            return False
        begin = self._model.dynamic_lock_page * PAGE
        dynamic = int.from_bytes(self._memory[begin : begin + 2], "little")
        return bool(dynamic >> (page - 16) // self._model.lock_pages & 1)


class Torn:
    """A card held too short: it answers ``answers`` commands and is mute from then on."""

    def __init__(self, card: Tag, answers: int) -> None:
        self.uid, self.sens_res, self.sel_res = card.uid, card.sens_res, card.sel_res
        self._card = card
        self._answers = answers

    def select(self) -> bool:
        return self._card.select()

    def command(self, frame: bytes) -> bytes | None:
        if self._answers <= 0:
            return None
        self._answers -= 1
        return self._card.command(frame)


class Withdrawn(Torn):
    """A card taken away in the middle: after ``answers`` commands the field is empty."""

    def select(self) -> bool:
        return self._answers > 0 and super().select()


def with_uri(uid: bytes, uri: str, model: str = "213") -> Ntag:
    """A card that carries one NDEF URI record, as the school issues it."""
    card = Ntag(uid, model)
    card.store(b"".join(ndef.message_encoder([ndef.UriRecord(uri)])))
    return card


def _factory_memory(uid: bytes, model: Model) -> bytearray:
    memory = bytearray(model.pages * PAGE)
    memory[0:9] = [
        *uid[:3],
        0x88 ^ uid[0] ^ uid[1] ^ uid[2],
        *uid[3:],
        uid[3] ^ uid[4] ^ uid[5] ^ uid[6],
    ]
    memory[9] = 0x48
    memory[12:16] = model.capability
    memory[16 : 16 + len(model.factory)] = model.factory
    memory[-16:-12] = bytes.fromhex("040000ff")  # configuration: no page asks for a password
    return memory
