"""Cameras: one module a driver, each the only importer of its library.

A camera's stack can hang inside the kernel, and then nothing in its process can be trusted any
more. So a driver runs in a process of its own (``__main__``), which ``process`` watches and kills.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Final

from edge_agent.cameras.base import Camera, CameraUnavailable

__all__ = ["DRIVERS", "Camera", "CameraUnavailable", "is_installed", "make"]

# A driver's module is imported only by the process that uses it.
DRIVERS: Final[Mapping[str, str]] = {
    "picamera2": "edge_agent.cameras.picamera",
    "v4l2": "edge_agent.cameras.v4l2",
    "emulated": "edge_agent.cameras.emulated",
}
_LIBRARIES: Final[Mapping[str, str]] = {"picamera2": "picamera2"}


def is_installed(driver: str) -> bool:
    """Whether what the driver needs beside us is there; it is not imported."""
    library = _LIBRARIES.get(driver)
    return library is None or importlib.util.find_spec(library) is not None


def make(driver: str, path: str) -> Camera:
    """A camera that is yet to be opened. Raises ImportError if the driver's library is missing."""
    camera: Camera = importlib.import_module(DRIVERS[driver]).make(path)
    return camera
