"""Settings of the camera."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_agent.cameras import DRIVERS
from edge_agent.tables import Table

_DEVICE = re.compile(r"/dev/[A-Za-z0-9/_.-]{1,100}")


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """``path`` is the device or the socket; a Pi's own camera has none."""

    driver: str
    path: str


def camera_settings(table: Table) -> CameraSettings:
    """Raises SettingsError."""
    driver = table.choice("driver", DRIVERS)
    path = ""
    if driver == "v4l2":
        path = table.text("path", _DEVICE, "a device such as /dev/video0")
    elif driver == "emulated":
        path = str(table.path("socket"))
    table.done()
    return CameraSettings(driver, path)
