"""Our nfcpy driver at an emulated chip, looked through by hand."""

from __future__ import annotations

from contracts.cards import token_uri
from devkit.waiting import wait_until
from edge_agent.readers import ReaderUnavailable, Sighting
from edge_agent.readers.nfcpy import NfcpyReader
from edge_agent.readers.presence import EMPTY_POLLS
from emulators.nfc.pn532 import Pn532
from tests.edge.gate import DOMAIN, PATIENCE, token

URI = token_uri(DOMAIN, token(1))


def open_patiently(reader: NfcpyReader) -> None:
    """As the agent does: again until it works.

    On a starved machine the emulated chip may miss the 100 ms that nfcpy grants a real one.
    """

    def opens() -> bool:
        try:
            reader.open()
        except ReaderUnavailable:
            return False
        return True

    assert wait_until(opens, PATIENCE)


def look(reader: NfcpyReader) -> Sighting | None:
    """One sighting, or None after more polls than a reader needs."""
    for _ in range(5):
        sighting = _poll(reader)
        if sighting is not None:
            return sighting
    return None


def take_away(chip: Pn532, reader: NfcpyReader) -> None:
    chip.take()
    for _ in range(EMPTY_POLLS):
        assert _poll(reader) is None


def _poll(reader: NfcpyReader) -> Sighting | None:
    while True:
        try:
            return reader.poll()
        except ReaderUnavailable:
            reader.close()
            open_patiently(reader)
