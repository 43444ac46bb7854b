"""What the agent and a camera's process say to each other over a socket.

The agent sends ``TAKE``, one byte. The camera's process sends one byte of kind, four of length, and
the content.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

TAKE: Final = b"T"
ALIVE, PICTURE, FAULT = b"A", b"P", b"F"  # the camera gives pictures; one of them; why it does not
MOST_BYTES: Final = 1_000_000

_HEAD: Final = struct.Struct(">cI")


def message(kind: bytes, content: bytes = b"") -> bytes:
    return _HEAD.pack(kind, len(content)) + content


class Incoming:
    """Puts messages together from the pieces in which they arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def add(self, piece: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Each message that is whole now. Raises ValueError for what no camera says."""
        self._buffer += piece
        while len(self._buffer) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._buffer)
            if kind not in (ALIVE, PICTURE, FAULT) or length > MOST_BYTES:
                raise ValueError("a camera's process spoke nonsense")
            if len(self._buffer) < _HEAD.size + length:
                return
            content = bytes(self._buffer[_HEAD.size : _HEAD.size + length])
            del self._buffer[: _HEAD.size + length]
            yield kind, content
