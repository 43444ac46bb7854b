"""Reading a card's link by commands to a PC/SC reader, whatever the reader.

ISO-DEP cards as NFC Forum Type 4 tags (ISO/IEC 7816-4 commands), NTAG and Ultralight as Type 2
tags through the reader's own storage commands (PC/SC part 3, section 3.2.2). Pure: ``transmit``
takes a command and returns the answer with its two status bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import ndef

Transmit = Callable[[bytes], bytes]

_GET_UID: Final = bytes.fromhex("ffca000000")
_NDEF_APPLICATION: Final = bytes.fromhex("00a4040007d276000085010100")
_CAPABILITIES: Final = b"\xe1\x03"
_OK: Final = b"\x90\x00"
_SELECTS_NOTHING: Final = (b"\x6a\x82", b"\x6a\x86", b"\x6d\x00", b"\x6e\x00", b"\x6a\x81")
_MOST_READ: Final = 0xF0  # bytes a command: what every reader passes on
_LONGEST_MESSAGE: Final = 2048  # a link has less than 200 bytes

# ATR of a storage card, PC/SC part 3, table 3-6: the RID, the standard, and the card's name
_STORAGE: Final = bytes.fromhex("4f0ca000000306")
_MIFARE_CLASSIC: Final = (b"\x00\x01", b"\x00\x02", b"\x00\x26")

_PAGE, _PAGES_A_READ = 4, 4
_FIRST_USER_PAGE: Final = 4
_MAGIC: Final = 0xE1
_NULL, _MESSAGE, _TERMINATOR = 0x00, 0x03, 0xFE


class CardGone(Exception):
    """The card does not answer any more; it may have been read halfway."""


def read_uid(transmit: Transmit) -> bytes:
    """Raises CardGone."""
    return _answered(transmit(_GET_UID))


def read_uri(transmit: Transmit, atr: bytes) -> str | None:
    """The first link on the card, None if it was read to the end and has none. Raises CardGone."""
    at = atr.find(_STORAGE)
    if at < 0:
        message = _type_4(transmit)
    else:
        name = atr[at + len(_STORAGE) + 1 : at + len(_STORAGE) + 3]
        message = None if name in _MIFARE_CLASSIC else _type_2(transmit)
    return None if not message else first_uri(message)


def first_uri(message: bytes) -> str | None:
    """Not ``uri`` but ``iri``: ndeflib quotes in the former what is quoted already."""
    try:
        records = list(ndef.message_decoder(message))
    except ndef.DecodeError:
        return None
    return next((record.iri for record in records if isinstance(record, ndef.UriRecord)), None)


def _type_4(transmit: Transmit) -> bytes | None:
    if not _selected(transmit(_NDEF_APPLICATION)):
        return None
    if not _selected(transmit(_select_file(_CAPABILITIES))):
        return None
    capabilities = _binary(transmit, 0, 15)
    at_most = min(max(int.from_bytes(capabilities[3:5], "big"), 1), _MOST_READ)
    if not _selected(transmit(_select_file(capabilities[9:11]))):
        return None
    length = int.from_bytes(_binary(transmit, 0, 2), "big")
    if length > _LONGEST_MESSAGE:
        return None
    message = b""
    while len(message) < length:
        message += _binary(transmit, 2 + len(message), min(at_most, length - len(message)))
    return message


def _select_file(name: bytes) -> bytes:
    return bytes.fromhex("00a4000c02") + name


def _binary(transmit: Transmit, offset: int, length: int) -> bytes:
    content = _answered(transmit(b"\x00\xb0" + offset.to_bytes(2, "big") + bytes([length])))
    if not content:
        raise CardGone("an empty answer")
    return content


def _selected(answer: bytes) -> bool:
    """Whether there is such a file. Raises CardGone for anything that is no answer to that."""
    if answer[-2:] in _SELECTS_NOTHING:
        return False
    _answered(answer)
    return True


def _type_2(transmit: Transmit) -> bytes | None:
    head = _pages(transmit, 3)
    if head[0] != _MAGIC:
        return None
    last_page = _FIRST_USER_PAGE + head[2] * 8 // _PAGE
    content = b""
    for page in range(_FIRST_USER_PAGE, last_page, _PAGES_A_READ):
        content += _pages(transmit, page)
        found = list(_messages(content))
        if found:
            return found[0]
    return None


def _pages(transmit: Transmit, page: int) -> bytes:
    content = _answered(transmit(bytes([0xFF, 0xB0, 0x00, page, _PAGES_A_READ * _PAGE])))
    if len(content) != _PAGES_A_READ * _PAGE:
        raise CardGone("half a page")
    return content


def _messages(content: bytes) -> Iterator[bytes]:
    """The messages that are whole in what was read of the card so far, or an empty one at its end.

    Blocks of type, length and value (NFC Forum Type 2 Tag, section 2.3).
    """
    at = 0
    while at < len(content):
        kind = content[at]
        if kind == _TERMINATOR:
            yield b""
            return
        if kind == _NULL:
            at += 1
            continue
        length, begin = _length(content, at + 1)
        if begin + length > len(content):
            return
        if kind == _MESSAGE:
            yield content[begin : begin + length]
        at = begin + length


def _length(content: bytes, at: int) -> tuple[int, int]:
    """A block's length and where its value begins; beyond the content if that was not read yet."""
    field = content[at : at + 3]
    if not field or (field[0] == 0xFF and len(field) < 3):
        return len(content), at + 3
    if field[0] == 0xFF:
        return int.from_bytes(field[1:3], "big"), at + 3
    return field[0], at + 1


def _answered(answer: bytes) -> bytes:
    if answer[-2:] != _OK:
        raise CardGone(f"status {answer[-2:].hex()}")
    return answer[:-2]
