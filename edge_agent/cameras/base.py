"""What every camera offers, whatever its hardware."""

from __future__ import annotations

from typing import Final, Protocol

WIDTH: Final = 640
HEIGHT: Final = 480
QUALITY: Final = 80  # of JPEG: 30 to 60 kB, on which a face is well recognised


class CameraUnavailable(Exception):
    """The camera is not there, or no longer; the text says what was seen."""


class Camera(Protocol):
    """One camera, used by a single thread. Any method may hang: somebody else watches the time."""

    def open(self) -> None:
        """Make it ready for the whole day, in some seconds. Raises CameraUnavailable."""

    def take(self) -> bytes:
        """What is in front of it from now on, not a moment ago: JPEG, 640 by 480.

        Raises CameraUnavailable.
        """

    def check(self) -> None:
        """Return if it still gives pictures. Raises CameraUnavailable."""

    def close(self) -> None:
        """Let go of the device, if it is open; never raises."""
