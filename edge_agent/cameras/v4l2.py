"""A USB webcam that gives MJPEG, by Video4Linux2 and the standard library alone.

Supported: what the kernel's uvcvideo driver runs and offers as ``MJPG``; nearly every webcam.
Remarks: the camera compresses, so quality is its own affair. Structures and numbers are those of
the kernel's ``videodev2.h`` (single-planar, memory-mapped).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import mmap
import os
import select
import time
from collections.abc import Callable
from typing import Any, Final

from edge_agent.cameras.base import HEIGHT, WIDTH, CameraUnavailable

CAPTURE: Final = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
_MMAP: Final = 1  # V4L2_MEMORY_MMAP
_MJPG: Final = int.from_bytes(b"MJPG", "little")
_ANY_FIELD: Final = 0
BUFFERS: Final = 3
_FRAME_SECONDS: Final = 2.0  # far more than the slowest camera takes for one


class PixFormat(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32)
        for name in (
            *("width", "height", "pixelformat", "field", "bytesperline", "sizeimage"),
            *("colorspace", "priv", "flags", "encoding", "quantization", "transfer"),
        )
    ]


class _FormatOf(ctypes.Union):
    # the kernel's union holds pointers, so it is aligned as they are
    _fields_ = [
        ("pix", PixFormat),
        ("raw", ctypes.c_uint8 * 200),
        ("aligned", ctypes.c_void_p),
    ]


class Format(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint32), ("fmt", _FormatOf)]


class RequestBuffers(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32) for name in ("count", "type", "memory", "capabilities", "reserved")
    ]


class _Place(ctypes.Union):
    _fields_ = [("offset", ctypes.c_uint32), ("aligned", ctypes.c_ulong)]


class Buffer(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("index", "type", "bytesused", "flags", "field")),
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("timecode", ctypes.c_uint32 * 4),
        *((name, ctypes.c_uint32) for name in ("sequence", "memory")),
        ("m", _Place),
        *((name, ctypes.c_uint32) for name in ("length", "reserved2", "request_fd")),
    ]


def _code(number: int, kind: Any, *, writes: bool, reads: bool) -> int:
    """An ioctl's number as ``_IOC`` of asm-generic/ioctl.h makes it."""
    direction = (1 if writes else 0) | (2 if reads else 0)
    return direction << 30 | ctypes.sizeof(kind) << 16 | ord("V") << 8 | number


S_FMT: Final = _code(5, Format, writes=True, reads=True)
REQBUFS: Final = _code(8, RequestBuffers, writes=True, reads=True)
QUERYBUF: Final = _code(9, Buffer, writes=True, reads=True)
QBUF: Final = _code(15, Buffer, writes=True, reads=True)
DQBUF: Final = _code(17, Buffer, writes=True, reads=True)
STREAMON: Final = _code(18, ctypes.c_int, writes=True, reads=False)
STREAMOFF: Final = _code(19, ctypes.c_int, writes=True, reads=False)

Ioctl = Callable[[int, int, Any], object]


class V4l2Camera:
    """One stream all day. The driver drops what nobody fetches, so what lies ready is old."""

    def __init__(self, path: str, ioctl: Ioctl = fcntl.ioctl) -> None:
        self._path = path
        self._ioctl = ioctl
        self._device: int | None = None
        self._memory: list[mmap.mmap] = []

    def open(self) -> None:
        try:
            self._device = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
            self._ask_for_mjpeg(self._device)
            self._map(self._device)
            for index in range(len(self._memory)):
                self._queue(index)
            self._ioctl(self._device, STREAMON, ctypes.c_int(CAPTURE))
        except (OSError, ValueError) as error:
            self.close()
            raise CameraUnavailable(f"{self._path}: {error}") from error

    def take(self) -> bytes:
        """Raises CameraUnavailable."""
        asked_at = time.monotonic()
        # as many as lay ready are older than the question; the next is new whatever its stamp says
        for _ in range(BUFFERS + 1):
            content, taken_at = self._frame()
            if taken_at >= asked_at:
                break
        return with_tables(content)

    def check(self) -> None:
        self._frame()

    def close(self) -> None:
        if self._device is None:
            return
        with contextlib.suppress(OSError):  # it may be gone, which ends the stream as well
            self._ioctl(self._device, STREAMOFF, ctypes.c_int(CAPTURE))
        for memory in self._memory:
            memory.close()
        self._memory.clear()
        os.close(self._device)
        self._device = None

    def _ask_for_mjpeg(self, device: int) -> None:
        wanted = Format(type=CAPTURE)
        pix = wanted.fmt.pix
        pix.width, pix.height, pix.pixelformat, pix.field = WIDTH, HEIGHT, _MJPG, _ANY_FIELD
        self._ioctl(device, S_FMT, wanted)
        if pix.pixelformat != _MJPG:
            raise ValueError("gives no MJPEG")

    def _map(self, device: int) -> None:
        asked = RequestBuffers(count=BUFFERS, type=CAPTURE, memory=_MMAP)
        self._ioctl(device, REQBUFS, asked)
        for index in range(asked.count):
            buffer = Buffer(index=index, type=CAPTURE, memory=_MMAP)
            self._ioctl(device, QUERYBUF, buffer)
            self._memory.append(mmap.mmap(device, buffer.length, offset=buffer.m.offset))

    def _queue(self, index: int) -> None:
        assert self._device is not None
        self._ioctl(self._device, QBUF, Buffer(index=index, type=CAPTURE, memory=_MMAP))

    def _frame(self) -> tuple[bytes, float]:
        """The oldest frame that waits, or the next; and when it was taken, monotonic seconds."""
        assert self._device is not None
        try:
            if not select.select([self._device], [], [], _FRAME_SECONDS)[0]:
                raise CameraUnavailable("gives no picture")
            buffer = Buffer(type=CAPTURE, memory=_MMAP)
            self._ioctl(self._device, DQBUF, buffer)
            content = self._memory[buffer.index][: buffer.bytesused]
            self._queue(buffer.index)
        except OSError as error:
            raise CameraUnavailable(str(error)) from error
        return content, buffer.seconds + buffer.microseconds / 1e6


# The tables K.3 to K.6 of ITU-T T.81. Many webcams leave them out of each frame, since they are
# always the same; a JPEG without them is none.
_TABLES: Final = bytes.fromhex(
    "ffc4001f0000010501010101010100000000000000000102030405060708090a0b"
    "ffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a10823"
    "42b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758"
    "595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3"
    "b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
    "ffc4001f0100030101010101010101010000000000000102030405060708090a0b"
    "ffc400b51100020102040403040705040400010277000102031104052131061241510761711322328108144291a1"
    "b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a5354555657"
    "58595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa"
    "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)


def with_tables(frame: bytes) -> bytes:
    """A frame of MJPEG as a whole JPEG. What follows its end is left out: buffers are padded."""
    end = frame.rfind(b"\xff\xd9")
    frame = frame[: end + 2] if end >= 0 else frame
    scan = frame.find(b"\xff\xda")
    if scan < 0 or b"\xff\xc4" in frame[:scan]:
        return frame
    return frame[:scan] + _TABLES + frame[scan:]


def make(path: str) -> V4l2Camera:
    return V4l2Camera(path or "/dev/video0")
