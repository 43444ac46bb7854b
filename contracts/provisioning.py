"""``gate.json``: what one gate is told before it first starts, on its boot partition.

It holds secrets (a one-time code, the password of a Wi-Fi): the first boot deletes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from contracts import fields, topics
from contracts.fields import ContractError

FORMAT: Final = 1
MOST_READERS: Final = 8
MOST_KEYS: Final = 4

_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::[1-9][0-9]{0,4})?")
_CODE = re.compile(r"[A-Za-z0-9_-]{20,100}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ZONE = re.compile(r"[A-Za-z]{1,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_DRIVER = re.compile(r"[a-z0-9_]{1,30}")
_READER_PATH = re.compile(r"/[A-Za-z0-9._/+-]{1,200}|[A-Za-z0-9:._+-]{1,200}")
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
# WPA: 8 to 63 printable ASCII characters, IEEE 802.11i annex H.4.1; none: an open network.
_WIFI_PASSWORD = re.compile(r"[\x20-\x7e]{8,63}")
_PEM = re.compile(
    r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s-]{1,20000}-----END CERTIFICATE-----\s*"
)
DIRECTIONS: Final = frozenset({"auto", "in", "out"})
LOCALES: Final = frozenset({"es", "en"})
ANSWERS: Final = ("lights", "screen")
_ANSWER = re.compile("|".join(ANSWERS))


@dataclass(frozen=True, slots=True)
class Wifi:
    """``password`` None is an open network. ``country`` decides which channels are legal."""

    ssid: str
    password: str | None
    country: str

    def __repr__(self) -> str:
        return f"Wifi({self.ssid!r})"


@dataclass(frozen=True, slots=True)
class ReaderGiven:
    """As in the agent's settings, where the driver and the path are checked."""

    name: str
    driver: str
    path: str


@dataclass(frozen=True, slots=True, repr=False)  # repr would show the code
class Provision:
    """All that makes one blank machine this gate.

    ``authority`` is in PEM and vouches for ``server``; None: the system's authorities do.
    ``fingerprint`` (SHA-256, hex) is that of the authority which signs gates' certificates.
    ``answers`` are how people are answered beside the log: ``lights`` and ``screen``.
    ``release_sha256`` is that of the release beside this file, and ``release_keys`` (hex) are those
    whose later releases are believed.
    """

    device: str
    gate: str  # its name, for people
    direction: str
    server: str
    code: str
    authority: str | None
    fingerprint: str | None
    release_sha256: str
    release_keys: tuple[str, ...]
    readers: tuple[ReaderGiven, ...]
    wifi: Wifi | None
    locale: str
    timezone: str
    answers: tuple[str, ...] = ()
    evacuation_list: bool = False

    @classmethod
    def from_json(cls, payload: bytes) -> Provision:
        """Raises ContractError."""
        raw = fields.load(payload)
        if fields.whole(raw, "format") != FORMAT:
            raise ContractError(f"format: expected {FORMAT}")
        return cls(
            device=fields.text(raw, "device", topics.DEVICE_ID),
            gate=fields.text(raw, "gate", _LINE),
            direction=fields.one_of(raw, "direction", DIRECTIONS),
            server=fields.text(raw, "server", _URL),
            code=fields.text(raw, "code", _CODE),
            authority=fields.optional_text(raw, "authority", _PEM),
            fingerprint=fields.optional_text(raw, "fingerprint", _SHA256),
            release_sha256=fields.text(raw, "release_sha256", _SHA256),
            release_keys=tuple(_texts(raw, "release_keys", _SHA256, MOST_KEYS)),
            readers=tuple(_readers(raw)),
            wifi=_wifi(raw),
            locale=fields.one_of(raw, "locale", LOCALES),
            timezone=fields.text(raw, "timezone", _ZONE),
            answers=tuple(_texts(raw, "answers", _ANSWER, len(ANSWERS))),
            evacuation_list=fields.truth(raw, "evacuation_list"),
        )

    def to_json(self) -> bytes:
        document: dict[str, Any] = {
            "format": FORMAT,
            "device": self.device,
            "gate": self.gate,
            "direction": self.direction,
            "server": self.server,
            "code": self.code,
            "authority": self.authority,
            "fingerprint": self.fingerprint,
            "release_sha256": self.release_sha256,
            "release_keys": list(self.release_keys),
            "readers": [
                {"name": reader.name, "driver": reader.driver, "path": reader.path}
                for reader in self.readers
            ],
            "locale": self.locale,
            "timezone": self.timezone,
            "answers": list(self.answers),
            "evacuation_list": self.evacuation_list,
        }
        if self.wifi is not None:
            document["wifi"] = {
                "ssid": self.wifi.ssid,
                "password": self.wifi.password,
                "country": self.wifi.country,
            }
        return fields.dump(document)


def _texts(raw: dict[str, Any], name: str, pattern: re.Pattern[str], at_most: int) -> list[str]:
    values = fields.a_list(raw.get(name), name, at_most=at_most)
    return [fields.text({name: value}, name, pattern) for value in values]


def _readers(raw: dict[str, Any]) -> list[ReaderGiven]:
    readers = [
        ReaderGiven(
            fields.text(one, "name", fields.NAME),
            fields.text(one, "driver", _DRIVER),
            fields.text(one, "path", _READER_PATH),
        )
        for value in fields.a_list(raw.get("readers"), "readers", at_most=MOST_READERS)
        for one in [fields.an_object(value, "readers")]
    ]
    if not readers or len({reader.name for reader in readers}) != len(readers):
        raise ContractError("readers: at least one, each with a name of its own")
    return readers


def _wifi(raw: dict[str, Any]) -> Wifi | None:
    if raw.get("wifi") is None:
        return None
    wifi = fields.an_object(raw["wifi"], "wifi")
    ssid = fields.text(wifi, "ssid", _LINE)
    if len(ssid.encode()) > 32:  # IEEE 802.11: bytes, not characters
        raise ContractError("ssid: 32 bytes at most")
    return Wifi(
        ssid,
        fields.optional_text(wifi, "password", _WIFI_PASSWORD),
        fields.text(wifi, "country", _COUNTRY),
    )
