"""The agent's settings: one TOML file, read once at start. What is wrong in it stops the start.

Paths are relative to the file's own folder. ``example.toml`` beside this module shows every key.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contracts import topics
from edge_agent.answer_settings import (
    EvacuationSettings,
    FeedbackSettings,
    ScreenSettings,
    evacuation_settings,
    feedback_settings,
    screen_settings,
)
from edge_agent.clock import CLOCKS
from edge_agent.photo_settings import CameraSettings, camera_settings
from edge_agent.reader_settings import ReaderSettings, reader_settings
from edge_agent.tables import SettingsError, Table
from edge_agent.updates.settings import UpdateSettings, update_settings

__all__ = ["Settings", "SettingsError"]

MOST_REPEAT_WINDOW_S = 3600

_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?")
_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::[1-9][0-9]{0,4})?/?")
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_KEY = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    ca_file: Path
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """How to reach the broker; ``tls`` is None for a plain connection, as on loopback.

    ``username`` is empty where the certificate says who we are.
    """

    host: str
    port: int
    username: str
    password: str
    tls: TlsFiles | None = None

    def __repr__(self) -> str:
        return f"BrokerSettings({self.host}:{self.port})"  # a password must not reach a log


@dataclass(frozen=True, slots=True)
class CentralSettings:
    """How to reach central by HTTPS; plain HTTP is for loopback only.

    ``key_file`` is the device's own key. ``ca_file`` None: the system's authorities are trusted.
    """

    host: str
    port: int
    secure: bool
    key_file: Path
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """The school's secret key for digests, and the domain in its cards' tokens."""

    key: bytes
    token_domain: str
    key_file: Path | None = None  # where it was read from

    def __repr__(self) -> str:
        return f"SiteSettings({self.token_domain})"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the agent is told. ``clock`` says who keeps the time: see ``clock.py``.

    Without ``central`` somebody else replaces the file of the roster. ``screen`` and
    ``evacuation`` are None at a gate that serves no such page, ``updates`` where somebody else
    installs new versions, ``camera`` where no photos are taken.
    """

    device: str
    data_dir: Path
    clock: str
    broker: BrokerSettings
    central: CentralSettings | None
    site: SiteSettings
    roster: Path
    readers: tuple[ReaderSettings, ...]
    feedback: FeedbackSettings
    repeat_window_s: int
    screen: ScreenSettings | None = None
    evacuation: EvacuationSettings | None = None
    updates: UpdateSettings | None = None
    camera: CameraSettings | None = None

    @classmethod
    def from_file(cls, path: Path) -> Settings:
        """Raises SettingsError, whose text is one line that names the key."""
        root = Table(_toml(path), "", path.absolute().parent)
        settings = cls(
            device=root.text("device", topics.DEVICE_ID, "3 to 40 of a-z, 0-9 and -"),
            data_dir=root.path("data_dir"),
            clock=root.choice("clock", CLOCKS, "system"),
            broker=_broker(root.table("broker")),
            central=_central(root.table("central")) if "central" in root else None,
            site=_site(root.table("site")),
            roster=_roster(root.table("roster")),
            readers=reader_settings(root),
            feedback=feedback_settings(root.table("feedback")),
            repeat_window_s=_repeat_window_s(root.table("capture", optional=True)),
            screen=screen_settings(root.table("screen")) if "screen" in root else None,
            evacuation=(
                evacuation_settings(root.table("evacuation")) if "evacuation" in root else None
            ),
            updates=update_settings(root.table("updates")) if "updates" in root else None,
            camera=camera_settings(root.table("camera")) if "camera" in root else None,
        )
        _check_together(settings)
        root.done()
        return settings


def _check_together(settings: Settings) -> None:
    """What one table asks of another."""
    if "screen" in settings.feedback.kinds and settings.screen is None:
        raise SettingsError('screen: missing; feedback "screen" needs the table')
    if settings.evacuation is not None and settings.central is None:
        raise SettingsError("central: missing; the evacuation list comes from there")
    if settings.updates is not None and settings.central is None:
        raise SettingsError("central: missing; updates come from there")
    if settings.camera is not None and settings.central is None:
        raise SettingsError("central: missing; photos go there")


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"is not TOML: {error}") from error


def _broker(table: Table) -> BrokerSettings:
    certified = "cert_file" in table and "username" not in table
    settings = BrokerSettings(
        host=table.text("host", _HOST, "a host name or address"),
        port=table.whole("port", 1, 65535),
        username="" if certified else table.text("username", _PRINTABLE, "a user name"),
        password="" if certified else _password(table),
        tls=_tls(table),
    )
    table.done()
    return settings


def _password(table: Table) -> str:
    if "password_file" not in table:
        return table.text("password", _PRINTABLE, "a password, or the key password_file")
    if "password" in table:
        raise table.wrong("password", "either password or password_file, not both")
    password = table.file("password_file").read_text().strip()
    if not _PRINTABLE.fullmatch(password):
        raise table.wrong("password_file", "a file with one line")
    return password


def _tls(table: Table) -> TlsFiles | None:
    if "ca_file" not in table:
        return None
    ca_file = table.file("ca_file")
    if "cert_file" not in table and "key_file" not in table:
        return TlsFiles(ca_file)
    return TlsFiles(ca_file, table.file("cert_file"), table.file("key_file"))


def _central(table: Table) -> CentralSettings:
    url = table.text("url", _URL, "https://host or https://host:port")
    key_file = table.file("key_file")
    ca_file = table.file("ca_file") if "ca_file" in table else None
    try:
        settings = central_at(url, key_file, ca_file)
    except SettingsError as error:
        raise table.wrong("url", str(error)) from error
    table.done()
    return settings


def central_at(address: str, key_file: Path, ca_file: Path | None) -> CentralSettings:
    """Raises SettingsError, which says what is expected of the address."""
    if not _URL.fullmatch(address):
        raise SettingsError("https://host or https://host:port")
    url = urlsplit(address)
    secure = url.scheme == "https"
    if not secure and url.hostname not in _LOOPBACK:
        raise SettingsError("https, for another host than this one")
    try:
        port = url.port or (443 if secure else 80)
    except ValueError as error:  # beyond 65535
        raise SettingsError("a port up to 65535") from error
    return CentralSettings(url.hostname or "", port, secure, key_file, ca_file)


def _site(table: Table) -> SiteSettings:
    key_file = table.file("key_file")
    key = key_file.read_text(errors="replace").strip()
    if not _KEY.fullmatch(key):
        raise table.wrong("key_file", "a file with 32 bytes as 64 hex digits")
    domain = table.text("token_domain", _DOMAIN, "a domain such as colegio.example.cl")
    table.done()
    return SiteSettings(bytes.fromhex(key), domain, key_file)


def _roster(table: Table) -> Path:
    path = table.path("file")  # need not exist: a new gate works before its first roster
    table.done()
    return path


def _repeat_window_s(table: Table) -> int:
    seconds = table.whole("repeat_window_s", 0, MOST_REPEAT_WINDOW_S, 45)
    table.done()
    return seconds
