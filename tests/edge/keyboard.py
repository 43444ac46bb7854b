"""A device that types: what the kernel would hand to whoever reads it."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from edge_agent.readers.keys import LAYOUTS

_EVENT = struct.Struct("@llHHi")
_SYN, _KEY = 0, 1
_SHIFT, ENTER = 42, 28


class Keyboard:
    """Stands where ``/dev/input/event…`` would be; scanners of ``layout`` type on it."""

    def __init__(self, path: Path, layout: str = "us") -> None:
        os.mkfifo(path)
        self._writes_to: int | None = os.open(path, os.O_RDWR)
        plain, shifted = LAYOUTS[layout]
        self._keys = {sign: (code, True) for code, sign in shifted.items()}
        self._keys |= {sign: (code, False) for code, sign in plain.items()}

    def scan(self, text: str) -> None:
        """A whole code, as a scanner types it."""
        self.type(text)
        self.press(ENTER)

    def type(self, text: str) -> None:
        for sign in text:
            code, shifted = self._keys[sign]
            if shifted:
                self.event(_KEY, _SHIFT, 1)
            self.press(code)
            if shifted:
                self.event(_KEY, _SHIFT, 0)

    def press(self, code: int) -> None:
        self.event(_KEY, code, 1)
        self.event(_SYN, 0, 0)
        self.event(_KEY, code, 0)
        self.event(_SYN, 0, 0)

    def event(self, kind: int, code: int, value: int) -> None:
        assert self._writes_to is not None
        os.write(self._writes_to, _EVENT.pack(0, 0, kind, code, value))

    def unplug(self) -> None:
        if self._writes_to is not None:
            os.close(self._writes_to)
            self._writes_to = None
