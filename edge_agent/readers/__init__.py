"""Card readers: one module a driver, each the only importer of its library."""

from __future__ import annotations

import importlib

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
DRIVERS = {"nfcpy": "edge_agent.readers.nfcpy"}


def make(driver: str, path: str) -> Reader:
    """A reader that is yet to be opened. Raises ImportError if the driver's library is missing."""
    reader: Reader = importlib.import_module(DRIVERS[driver]).make(path)
    return reader
