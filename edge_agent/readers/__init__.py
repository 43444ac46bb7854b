"""Card readers: one module a driver, each the only importer of its library."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from edge_agent.readers.base import (
    CardRead,
    CodeRead,
    Reader,
    ReaderUnavailable,
    Sighting,
    TornRead,
)

__all__ = [
    "DRIVERS",
    "CardRead",
    "CodeRead",
    "Reader",
    "ReaderUnavailable",
    "Sighting",
    "TornRead",
    "make",
]

# A driver's module is imported only when a gate uses it: its library may not be installed.
DRIVERS: Mapping[str, str] = {
    "hid": "edge_agent.readers.hid",
    "nfcpy": "edge_agent.readers.nfcpy",
    "pcsc": "edge_agent.readers.pcsc",
}


def make(driver: str, path: str, options: Mapping[str, str] | None = None) -> Reader:
    """A reader that is yet to be opened; ``options`` are the driver's own.

    Raises ImportError if the driver's library is missing.
    """
    reader: Reader = importlib.import_module(DRIVERS[driver]).make(path, **(options or {}))
    return reader
