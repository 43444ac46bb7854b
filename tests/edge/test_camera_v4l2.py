"""The webcam's driver against a kernel of ours, whose structures are those of ``videodev2.h``."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cameras import v4l2
from edge_agent.cameras.base import CameraUnavailable
from edge_agent.cameras.v4l2 import V4l2Camera, with_tables

FRAME_BYTES = 65_536
PLAIN = b"\xff\xd8 tables \xff\xda scan \xff\xd9"

# On 64 bits, as v4l2-ctl and every other program sends them (include/uapi/linux/videodev2.h).
NUMBERS = {
    "S_FMT": 0xC0D05605,
    "REQBUFS": 0xC0145608,
    "QUERYBUF": 0xC0585609,
    "QBUF": 0xC058560F,
    "DQBUF": 0xC0585611,
    "STREAMON": 0x40045612,
    "STREAMOFF": 0x40045613,
}


@pytest.mark.skipif(sys.maxsize < 2**32, reason="the numbers are those of 64 bits")
@pytest.mark.parametrize("name", NUMBERS)
def test_orders_have_the_kernel_s_numbers(name: str) -> None:
    assert getattr(v4l2, name) == NUMBERS[name]


class Webcam:
    """A file that can be mapped and is always readable, and the ioctls of a webcam on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.write_bytes(bytes(FRAME_BYTES * v4l2.BUFFERS))
        self.format = int.from_bytes(b"MJPG", "little")
        self.queued: deque[int] = deque()
        self.streaming = False
        self.gone = False
        self.taken_at: deque[float] = deque()  # of the frames that lie ready; then it is now
        self.number = 0

    def ioctl(self, device: int, code: int, value: Any) -> int:
        if self.gone:
            raise OSError(19, "No such device")
        self._handlers()[code](device, value)
        return 0

    def _handlers(self) -> dict[int, Any]:
        return {
            v4l2.S_FMT: self._set_format,
            v4l2.REQBUFS: lambda _, asked: self._request(asked),
            v4l2.QUERYBUF: lambda _, buffer: self._tell(buffer),
            v4l2.QBUF: lambda _, buffer: self.queued.append(buffer.index),
            v4l2.DQBUF: self._fill,
            v4l2.STREAMON: lambda *_: self._stream(on=True),
            v4l2.STREAMOFF: lambda *_: self._stream(on=False),
        }

    def _set_format(self, _: int, wanted: v4l2.Format) -> None:
        pix = wanted.fmt.pix
        assert (wanted.type, pix.width, pix.height) == (v4l2.CAPTURE, 640, 480)
        pix.pixelformat = self.format

    def _request(self, asked: v4l2.RequestBuffers) -> None:
        asked.count = v4l2.BUFFERS

    def _tell(self, buffer: v4l2.Buffer) -> None:
        buffer.length, buffer.m.offset = FRAME_BYTES, buffer.index * FRAME_BYTES

    def _stream(self, *, on: bool) -> None:
        self.streaming = on

    def _fill(self, device: int, buffer: v4l2.Buffer) -> None:
        assert self.streaming
        buffer.index = self.queued.popleft()
        self.number += 1
        content = PLAIN.replace(b"scan", f"{self.number}".encode()) + bytes(20)
        os.pwrite(device, content, buffer.index * FRAME_BYTES)
        buffer.bytesused = len(content)
        at = self.taken_at.popleft() if self.taken_at else time.monotonic()
        buffer.seconds, buffer.microseconds = int(at), round(at % 1 * 1e6) % 1_000_000


@pytest.fixture
def webcam(tmp_path: Path) -> Webcam:
    return Webcam(tmp_path / "video0")


@pytest.fixture
def camera(webcam: Webcam) -> Iterator[V4l2Camera]:
    opened = V4l2Camera(str(webcam.path), webcam.ioctl)
    opened.open()
    yield opened
    opened.close()


def test_a_photo_is_of_now_whatever_lay_ready(webcam: Webcam, camera: V4l2Camera) -> None:
    long_ago = time.monotonic() - 60
    webcam.taken_at.extend([long_ago] * v4l2.BUFFERS)

    content = camera.take()

    assert f" {v4l2.BUFFERS + 1} ".encode() in content
    assert content.endswith(b"\xff\xd9")


def test_a_camera_with_a_clock_of_its_own_gives_the_newest(
    webcam: Webcam, camera: V4l2Camera
) -> None:
    webcam.taken_at.extend([0.0] * 50)

    assert f" {v4l2.BUFFERS + 1} ".encode() in camera.take()


def test_it_goes_on_for_a_day(webcam: Webcam, camera: V4l2Camera) -> None:
    for _ in range(100):
        camera.check()
        camera.take()

    assert len(webcam.queued) == v4l2.BUFFERS


def test_one_without_mjpeg_is_refused(webcam: Webcam) -> None:
    webcam.format = int.from_bytes(b"YUYV", "little")

    with pytest.raises(CameraUnavailable, match="MJPEG"):
        V4l2Camera(str(webcam.path), webcam.ioctl).open()


def test_one_that_was_pulled_out_is_noticed_and_let_go(webcam: Webcam, camera: V4l2Camera) -> None:
    webcam.gone = True

    with pytest.raises(CameraUnavailable):
        camera.take()
    camera.close()
    with pytest.raises(CameraUnavailable):
        V4l2Camera(str(webcam.path.with_name("video9"))).open()


def test_what_is_no_camera_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(CameraUnavailable):
        V4l2Camera(str(tmp_path / "file")).open()


def test_a_frame_without_tables_gets_them_and_one_with_them_stays() -> None:
    whole = with_tables(PLAIN + bytes(100))

    assert whole.startswith(b"\xff\xd8 tables \xff\xc4\x00\x1f\x00")
    assert whole.endswith(b"\xff\xda scan \xff\xd9")
    assert len(whole) == len(PLAIN) + 2 * (2 + 0x1F) + 2 * (2 + 0xB5)
    assert with_tables(whole) == whole


def test_structures_are_as_large_as_the_kernel_s() -> None:
    pointer = ctypes.sizeof(ctypes.c_void_p)

    assert ctypes.sizeof(v4l2.Format) == 200 + pointer
    assert ctypes.sizeof(v4l2.RequestBuffers) == 20
    assert ctypes.sizeof(v4l2.PixFormat) == 48
