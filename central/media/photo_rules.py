"""What a photo of a gate may be: a small JPEG, without anything that is no picture."""

from __future__ import annotations

from typing import Final

MOST_PIXELS: Final = (1920, 1080)
# Why a photo was not kept. Codes are stable: a technician reads them.
UNREADABLE, NO_PICTURE, NO_CONSENT, NOT_THERE = (
    "unreadable",
    "no_picture",
    "no_consent",
    "not_there",
)

# ITU-T T.81, annex B: markers by their second byte
_START, _END, _SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive; by Huffman codes
_TABLES: Final = frozenset({0xC4, 0xDB, 0xDD, 0xE0})  # Huffman, quantisation, restarts, JFIF


class NoPicture(ValueError):
    """The bytes are no JPEG that we would show; the text says what is wrong."""


def plain_jpeg(content: bytes) -> bytes:
    """The picture alone: what a camera writes beside it (place, time, maker) is left out.

    Raises NoPicture. Only the structure is looked at; browsers decode what follows, as they do with
    every picture of the web.
    """
    if not content.startswith(_START) or not content.endswith(_END):
        raise NoPicture("does not begin and end as a JPEG")
    kept = [_START]
    position, frame = len(_START), False
    while True:
        code, segment = _segment(content, position)
        position += len(segment)
        if code in _FRAMES:
            _judge_frame(segment)
            frame = True
        if code == _SCAN:
            break
        if code in _FRAMES or code in _TABLES:
            kept.append(segment)
    if not frame:
        raise NoPicture("has no frame")
    return b"".join(kept) + segment + content[position:]


def _segment(content: bytes, position: int) -> tuple[int, bytes]:
    """The marker's code and the whole segment that begins at ``position``."""
    head = content[position : position + 4]
    if len(head) < 4 or head[0] != 0xFF:
        raise NoPicture(f"has no marker at {position}")
    length = int.from_bytes(head[2:4], "big")
    segment = content[position : position + 2 + length]
    if length < 2 or len(segment) != 2 + length:
        raise NoPicture(f"is cut off at {position}")
    return head[1], segment


def _judge_frame(segment: bytes) -> None:
    if len(segment) < 10:
        raise NoPicture("has a frame without a size")
    height, width = int.from_bytes(segment[5:7], "big"), int.from_bytes(segment[7:9], "big")
    if not (0 < width <= MOST_PIXELS[0] and 0 < height <= MOST_PIXELS[1]):
        raise NoPicture(f"has {width} by {height} pixels")
