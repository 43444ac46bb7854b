"""Our nfcpy driver at an emulated chip, looked through by hand."""

from __future__ import annotations

from contracts.cards import token_uri
from edge_agent.readers import Sighting
from edge_agent.readers.nfcpy import NfcpyReader
from edge_agent.readers.presence import EMPTY_POLLS
from emulators.nfc.pn532 import Pn532
from tests.edge.gate import DOMAIN, token

URI = token_uri(DOMAIN, token(1))


def look(reader: NfcpyReader) -> Sighting | None:
    """One sighting, or None after more polls than a reader needs."""
    for _ in range(5):
        sighting = reader.poll()
        if sighting is not None:
            return sighting
    return None


def take_away(chip: Pn532, reader: NfcpyReader) -> None:
    chip.take()
    for _ in range(EMPTY_POLLS):
        assert reader.poll() is None
