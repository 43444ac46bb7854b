"""Settings of what people see and hear at the gate: lights, screen, the evacuation list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge_agent.tables import Table

FEEDBACKS: Final = frozenset({"console", "emulated", "lights", "screen"})
LOCALES: Final = frozenset({"es", "en"})
BUZZERS: Final = frozenset({"active", "passive", "none"})
MOST_GPIO: Final = 27  # of the 40-pin header, by Broadcom's numbers

_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}|localhost")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class LightsSettings:
    """Where LEDs and buzzer are, by Broadcom's numbers. A passive buzzer needs a tone made."""

    green_pin: int
    red_pin: int
    buzzer_pin: int
    buzzer: str


@dataclass(frozen=True, slots=True)
class FeedbackSettings:
    """The kinds of answers, all given at once."""

    kinds: tuple[str, ...]
    socket: Path | None = None
    lights: LightsSettings | None = None


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """The page for a kiosk browser on this very Pi. ``zone`` is that of the clock on it."""

    port: int
    locale: str
    zone: ZoneInfo
    sound: bool


@dataclass(frozen=True, slots=True)
class EvacuationSettings:
    """The list of who is inside, on the school's own network.

    ``secure`` False is plain HTTP, for loopback only. Without files of its own the gate makes
    itself a certificate.
    """

    host: str
    port: int
    locale: str
    secure: bool
    cert_file: Path | None = None
    key_file: Path | None = None


def feedback_settings(table: Table) -> FeedbackSettings:
    """Raises SettingsError."""
    kinds = (
        table.choices("kinds", FEEDBACKS)
        if "kinds" in table
        else (table.choice("kind", FEEDBACKS),)
    )
    settings = FeedbackSettings(
        kinds=kinds,
        socket=table.path("socket") if "emulated" in kinds else None,
        lights=_lights(table.table("lights", optional=True)) if "lights" in kinds else None,
    )
    table.done()
    return settings


def screen_settings(table: Table) -> ScreenSettings:
    """Raises SettingsError."""
    settings = ScreenSettings(
        port=table.whole("port", 1, 65535, 8090),
        locale=table.choice("locale", LOCALES, "es"),
        zone=_zone(table),
        sound=table.truth("sound", default=True),
    )
    table.done()
    return settings


def evacuation_settings(table: Table) -> EvacuationSettings:
    """Raises SettingsError."""
    host = table.text("host", _ADDRESS, "an address such as 0.0.0.0") if "host" in table else ""
    secure = table.truth("secure", default=True)
    own = "cert_file" in table or "key_file" in table
    settings = EvacuationSettings(
        host=host or "0.0.0.0",  # noqa: S104 - for every phone on the school's network
        port=table.whole("port", 1, 65535, 8443),
        locale=table.choice("locale", LOCALES, "es"),
        secure=secure,
        cert_file=table.file("cert_file") if own else None,
        key_file=table.file("key_file") if own else None,
    )
    if not secure and host not in LOOPBACK:
        raise table.wrong("secure", "true, for another host than loopback")
    table.done()
    return settings


def _lights(table: Table) -> LightsSettings:
    settings = LightsSettings(
        green_pin=table.whole("green_pin", 0, MOST_GPIO, 17),
        red_pin=table.whole("red_pin", 0, MOST_GPIO, 27),
        buzzer_pin=table.whole("buzzer_pin", 0, MOST_GPIO, 22),
        buzzer=table.choice("buzzer", BUZZERS, "active"),
    )
    table.done()
    return settings


def _zone(table: Table) -> ZoneInfo:
    name = table.text("timezone", _ZONE, "a time zone") if "timezone" in table else ""
    try:
        return ZoneInfo(name or "America/Santiago")
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise table.wrong("timezone", "a time zone such as America/Santiago") from error
