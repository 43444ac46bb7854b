"""A PN532 reader behind a symlink, for nfcpy's own driver to open as a serial port.

    with Pn532(Path("/tmp/reader-north")) as reader:
        reader.put(tags.with_uri(uid, "https://school.example/t/…"))

Like the real chip it keeps the speed it was told: a host killed without closing the port leaves it
at 921,600 baud, where nfcpy's ``init`` (which begins at 115,200) finds nobody and raises ENODEV
(nfcpy issues #63, #188, #230). A host recovers by opening the port at the old speed and sending
SetSerialBaudRate, or by power: ``plug`` after ``unplug``.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import termios
import threading
import time
import tty
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from emulators.nfc import frames
from emulators.nfc.chip import SPEEDS, Chip, UnknownCommand
from emulators.nfc.field import Field
from emulators.nfc.tags import Tag

# A chip does not slow down with the host's load. nfcpy gives it 100 ms to acknowledge a command,
# which a thread among many busy processes exceeds now and then.
NICENESS = -15

EXCHANGES_KEPT = 1000  # some 20 cards, or half a minute of looking

_NEVER = -1e9
_SPEED_OF = {
    getattr(termios, f"B{speed}"): speed for speed in SPEEDS if hasattr(termios, f"B{speed}")
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command and when the chip had it and had answered it, in monotonic seconds."""

    command: int
    heard_at: float
    answered_at: float


class Pn532:
    """One reader. Made unplugged; ``plug`` or entering the context connects it."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._field = Field()
        self._silent = threading.Event()
        self._plugging = threading.Lock()
        self._line: _Line | None = None
        self._thread: threading.Thread | None = None
        self._heard_at = _NEVER
        self._exchanges: deque[Exchange] = deque(maxlen=EXCHANGES_KEPT)

    def __enter__(self) -> Pn532:
        self.plug()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.unplug()

    @property
    def plugged(self) -> bool:
        return self._line is not None

    @property
    def silent(self) -> bool:
        return self._silent.is_set()

    def heard_within(self, seconds: float) -> bool:
        """Whether a host has sent a command in the last ``seconds``."""
        return time.monotonic() - self._heard_at < seconds

    def exchanges(self) -> list[Exchange]:
        """The last commands, oldest first; what lies between them is the host's time."""
        return list(self._exchanges)

    def put(self, tag: Tag) -> None:
        """Hold a card to the reader, instead of the one that may be there."""
        self._field.put(tag)

    def take(self) -> None:
        """Take the card away, if there is one, even in the middle of a read."""
        self._field.take()

    def wait_until_seen_empty(self, *, polls: int = 1, timeout: float) -> bool:
        """Whether the host has polled ``polls`` times since ``take`` and found nothing."""
        return self._field.wait_until_seen_empty(polls, timeout)

    def silence(self) -> None:
        """The chip stops answering, though its port is there; ``plug`` brings it back."""
        self._silent.set()

    def plug(self) -> None:
        """Give the reader power: a new port behind the link, a chip with its reset values.

        A reader already plugged only recovers from silence.
        """
        with self._plugging:
            self._silent.clear()
            if self._line is None:
                self._line = _Line(self._link)
                chip = Chip(self._field, time.sleep)
                self._thread = threading.Thread(
                    target=self._serve, args=(self._line, chip), name=f"pn532 {self._link.name}"
                )
                self._thread.start()

    def unplug(self) -> None:
        """The port vanishes: the host's next read or write fails, and the link leads nowhere."""
        with self._plugging:
            if self._line is not None and self._thread is not None:
                self._line.hang_up()
                self._thread.join()
                self._line.close()
                self._line = self._thread = None
                self._heard_at = _NEVER

    def _serve(self, line: _Line, chip: Chip) -> None:
        with contextlib.suppress(PermissionError):  # only root may; without it the chip shares
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)  # 0: on Linux, this thread alone
        reader = frames.FrameReader()
        while received := line.receive():
            for body in reader.feed(received):
                if not self._silent.is_set() and line.speed() == chip.speed:
                    self._heard_at = heard_at = time.monotonic()
                    _answer(line, chip, body)
                    self._exchanges.append(Exchange(body[1], heard_at, time.monotonic()))


def _answer(line: _Line, chip: Chip, body: bytes) -> None:
    if body[0] != frames.FROM_HOST or len(body) < 2:
        return
    line.send(frames.ACK)
    try:
        data = chip.execute(body[1], body[2:])
    except (UnknownCommand, IndexError):  # IndexError: the command lacks its arguments
        line.send(frames.SYNTAX_ERROR)
    else:
        line.send(frames.encode(bytes([frames.TO_HOST, body[1] + 1]) + data))


class _Line:
    """The chip's end of a pseudo-terminal whose other end is found behind ``link``."""

    def __init__(self, link: Path) -> None:
        # The host's end stays open here too, or a host that closes it would hang up the line.
        self._chip_end, self._host_end = pty.openpty()
        tty.setraw(self._host_end)
        os.set_blocking(self._chip_end, False)
        self._hung_up, self._hang_up = os.pipe()
        self._link = link
        fresh = link.with_name(f".{link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._host_end))
        fresh.replace(link)

    def receive(self) -> bytes:
        """What the host sent, as soon as there is something; empty once hung up."""
        ready, _, _ = select.select([self._chip_end, self._hung_up], [], [])
        if self._hung_up in ready:
            return b""
        return os.read(self._chip_end, 4096)

    def send(self, data: bytes) -> None:
        # When no host reads, a serial line without flow control loses the bytes as well.
        with contextlib.suppress(BlockingIOError):
            os.write(self._chip_end, data)

    def speed(self) -> int | None:
        """The speed the host has set its end to."""
        return _SPEED_OF.get(termios.tcgetattr(self._host_end)[5])

    def hang_up(self) -> None:
        """Make ``receive`` return; only then may another thread close the line."""
        os.write(self._hang_up, b"\x00")

    def close(self) -> None:
        self._link.unlink(missing_ok=True)
        for descriptor in (self._host_end, self._chip_end, self._hung_up, self._hang_up):
            os.close(descriptor)
