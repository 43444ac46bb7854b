"""A picture as a gate's camera would take it: somebody in front of a wall, 640 by 480, JPEG.

Made without an imaging library: each block of 8 by 8 pixels has one colour, so a block is one
difference to the block before it (ITU-T T.81, baseline, by Huffman codes) and nothing else.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import Final

COLUMNS, ROWS = 80, 60  # of blocks
_SIDE: Final = 8  # pixels of a block, and with this quantisation one step of brightness
_EOB: Final = "0"  # the only code of our table for what follows the first coefficient
# The table K.3 of T.81: how many codes there are of each length, and what they mean.
_LENGTHS: Final = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)
_CATEGORIES: Final = tuple(range(12))

Colour = tuple[int, int, int]  # Y, Cb, Cr
_WALL, _SKIN, _HAIR, _EYE = (188, 122, 132), (168, 112, 150), (52, 124, 136), (40, 128, 128)


def picture(label: str) -> bytes:
    """The same for the same label; shirts and heights differ."""
    seed = hashlib.sha256(label.encode()).digest()
    bits: list[str] = []
    before = [128, 128, 128]
    for colour in _blocks(seed):
        for at, value in enumerate(colour):
            bits.append(_difference(value - before[at]) + _EOB)
            before[at] = value
    return _head() + _stuffed("".join(bits)) + b"\xff\xd9"


def _blocks(seed: bytes) -> Iterator[Colour]:
    top = 12 + seed[0] % 6
    shirt = (70 + seed[1] % 90, 90 + seed[2] % 80, 90 + seed[3] % 80)
    for row in range(ROWS):
        for column in range(COLUMNS):
            luma, blue, red = _colour(column - COLUMNS // 2, row - top, shirt)
            grain = seed[(row * 7 + column * 13) % len(seed)] % 7 - 3
            yield luma + grain - row // 6, blue, red


def _colour(across: int, down: int, shirt: Colour) -> Colour:
    """``across`` from the middle, ``down`` from the top of the head."""
    head = (across / 9) ** 2 + ((down - 11) / 12) ** 2
    if head < 1:
        if down < 6 or (head > 0.86 and down < 12):
            return _HAIR
        eye = down in (11, 12) and abs(across) in (3, 4)
        mouth = down == 17 and abs(across) < 4
        return _EYE if eye or mouth else _SKIN
    if 20 < down < 26 and abs(across) < 4:
        return _SKIN
    if down >= 24 and abs(across) < 10 + min(12, down - 24):
        return shirt
    return _WALL


def _codes() -> dict[int, str]:
    codes: dict[int, str] = {}
    code, at = 0, 0
    for length, count in enumerate(_LENGTHS, start=1):
        for category in _CATEGORIES[at : at + count]:
            codes[category] = format(code, f"0{length}b")
            code += 1
        at += count
        code <<= 1
    return codes


_CODES: Final = _codes()


def _difference(value: int) -> str:
    """T.81, F.1.2.1: the category, and the value in so many bits; a negative one less one."""
    category = abs(value).bit_length()
    if category == 0:
        return _CODES[0]
    shown = value if value > 0 else value + (1 << category) - 1
    return _CODES[category] + format(shown, f"0{category}b")


def _stuffed(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    content = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return content.replace(b"\xff", b"\xff\x00")


def _head() -> bytes:
    frame = struct.pack(">BHHB", 8, ROWS * _SIDE, COLUMNS * _SIDE, 3)
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    scan = b"\x03" + b"".join(bytes([number, 0]) for number in (1, 2, 3)) + b"\x00\x3f\x00"
    return b"\xff\xd8" + b"".join(
        (
            _segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
            _segment(0xDB, b"\x00" + bytes([_SIDE] * 64)),
            _segment(0xC0, frame + components),
            _segment(0xC4, b"\x00" + bytes(_LENGTHS) + bytes(_CATEGORIES)),
            _segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\x00"),
            _segment(0xDA, scan),
        )
    )


def _segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content
