"""A Raspberry Pi's own camera, by picamera2.

Supported: whatever libcamera runs on a Pi (Camera Module 1 to 3, HQ, global shutter).
Remarks: picamera2 and libcamera come from Debian and fit each other there only. One stream runs all
day, because starting one takes a second or more, and switching modes for each photo leaks memory
until nothing is left (raspberrypi/picamera2 issues 1062 and 1130).
"""

from __future__ import annotations

import io
import time
from typing import Any, Final

from picamera2 import Picamera2

from edge_agent.cameras.base import HEIGHT, QUALITY, WIDTH, CameraUnavailable

FRAMES_A_SECOND: Final = 15  # a photo is one or two frames away: some 100 ms
_BUFFERS: Final = 4
_SETTLING_SECONDS: Final = 1.0  # until exposure and colours are found


class PiCamera:
    def __init__(self) -> None:
        self._camera: Any = None

    def open(self) -> None:
        try:
            camera = Picamera2()
            camera.configure(
                camera.create_video_configuration(
                    main={"size": (WIDTH, HEIGHT), "format": "RGB888"},
                    buffer_count=_BUFFERS,
                    queue=False,
                    controls={"FrameRate": FRAMES_A_SECOND},
                )
            )
            camera.options["quality"] = QUALITY
            camera.start()
        except (RuntimeError, OSError, IndexError) as error:  # IndexError: no camera at all
            raise CameraUnavailable(f"{type(error).__name__}: {error}") from error
        self._camera = camera
        time.sleep(_SETTLING_SECONDS)

    def take(self) -> bytes:
        """Raises CameraUnavailable."""
        content = io.BytesIO()
        try:
            request = self._camera.capture_request(flush=True)  # a frame exposed from now on
            try:
                request.save("main", content, format="jpeg")
            finally:
                request.release()  # a buffer that is kept stops the stream after four photos
        except (RuntimeError, OSError) as error:
            raise CameraUnavailable(f"{type(error).__name__}: {error}") from error
        return content.getvalue()

    def check(self) -> None:
        """Waits for one frame."""
        try:
            self._camera.capture_metadata()
        except (RuntimeError, OSError) as error:
            raise CameraUnavailable(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        if self._camera is not None:
            self._camera.stop()
            self._camera.close()
            self._camera = None


def make(_path: str) -> PiCamera:
    """A Pi has one camera; ``path`` says nothing."""
    return PiCamera()
