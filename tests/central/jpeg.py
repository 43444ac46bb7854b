"""A real, small JPEG to send about."""

from __future__ import annotations

from typing import Final

from emulators.gates.picture import picture

JPEG: Final = picture("a test")


def with_segment(code: int, content: bytes) -> bytes:
    """The JPEG with one more segment at its beginning, such as what a camera adds."""
    length = (len(content) + 2).to_bytes(2, "big")
    return JPEG[:2] + bytes([0xFF, code]) + length + content + JPEG[2:]
