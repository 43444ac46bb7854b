"""Gates as somebody sets them up, for tests."""

from __future__ import annotations

from typing import Any

from contracts.provisioning import Provision, ReaderGiven, Wifi

CODE = "a-one-time-code_of-24-bytes-or"
WIFI_PASSWORD = "patio y cancha 7"


def a_provision(**other: Any) -> Provision:
    values: dict[str, Any] = {
        "device": "los-aromos-norte-1",
        "gate": "Puerta Norte",
        "direction": "auto",
        "server": "https://asistencia.example.cl",
        "code": CODE,
        "authority": None,
        "fingerprint": "f" * 64,
        "release_sha256": "0" * 64,
        "release_keys": ("1" * 64, "2" * 64),
        "readers": (ReaderGiven("entrada", "nfcpy", "tty:AMA0:pn532"),),
        "wifi": Wifi("Colegio Los Aromos", WIFI_PASSWORD, "CL"),
        "locale": "es",
        "timezone": "America/Santiago",
    }
    return Provision(**{**values, **other})
