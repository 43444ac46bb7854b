"""Readers and scanners that type like a keyboard, by the kernel's event interface.

=========================  ==========================================================
device                     remarks
=========================  ==========================================================
QR scanners                ``/dev/input/by-id/usb-…-event-kbd``; set to end with Enter
                           or Tab, and to type as a keyboard of ``layout``
RFID readers of numbers    8, 14 or 20 hex digits, or ten decimal ones; taken only at a
                           school that knows cards by their number
=========================  ==========================================================

The device is grabbed: nobody else sees what it types, so a code is never typed into a page or a
login. No library is needed.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from edge_agent.readers.base import CodeRead, ReaderUnavailable, Sighting
from edge_agent.readers.keys import Line

_EVENT: Final = struct.Struct("@llHHi")  # struct input_event: time, type, code, value
_MOST_EVENTS: Final = 64  # a read; a scanner presses some 130 keys for a link
_SYN, _KEY = 0x00, 0x01
_DROPPED: Final = 3  # SYN_DROPPED: the kernel's buffer was full
_RELEASED, _PRESSED = 0, 1  # 2 is a key held down: no scanner means that
_EVIOCGRAB: Final = 0x40044590  # _IOW('E', 0x90, int)


class HidReader:
    """One device; ``grab`` takes it for ourselves and raises OSError if somebody else has it."""

    def __init__(self, path: str, layout: str, grab: Callable[[int], None]) -> None:
        self._path = path
        self._layout = layout
        self._grab = grab
        self._device: int | None = None
        self._line = Line(layout)
        self._codes: deque[str] = deque()

    def open(self) -> None:
        try:
            device = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ReaderUnavailable(str(error)) from error
        try:
            self._grab(device)
        except OSError as error:
            os.close(device)
            raise ReaderUnavailable(f"cannot be grabbed: {error}") from error
        self._device = device
        self._line = Line(self._layout)

    def poll(self) -> Sighting | None:
        if self._device is None:
            raise ReaderUnavailable("not open")
        while self._read(self._device):
            pass
        return CodeRead(self._codes.popleft()) if self._codes else None

    def close(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            os.close(device)

    def _read(self, device: int) -> bool:
        """Whether there may be more."""
        try:
            events = os.read(device, _MOST_EVENTS * _EVENT.size)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ReaderUnavailable(str(error)) from error
        if not events or len(events) % _EVENT.size:
            raise ReaderUnavailable("the device is gone")
        now = time.monotonic()
        for _, _, kind, code, value in _EVENT.iter_unpack(events):
            self._take(kind, code, value, now)
        return True

    def _take(self, kind: int, code: int, value: int, now: float) -> None:
        if kind == _SYN and code == _DROPPED:
            self._line.lost()
        elif kind == _KEY and value == _RELEASED:
            self._line.release(code)
        elif kind == _KEY and value == _PRESSED:
            typed = self._line.press(code, now)
            if typed is not None:
                self._codes.append(typed)


def make(path: str, layout: str = "us") -> HidReader:
    return HidReader(path, layout, _grab)


def _grab(device: int) -> None:
    fcntl.ioctl(device, _EVIOCGRAB, 1)
