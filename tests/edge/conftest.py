"""A gate with its agent, and central's end of the line, at the broker of the whole run."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.servers import Mosquitto
from edge_agent.readers.nfcpy import NfcpyReader
from emulators.nfc.pn532 import Pn532
from tests.edge.central import Central
from tests.edge.gate import PASSWORD, Gate
from tests.edge.reading import open_patiently

_numbers = itertools.count(1)


@pytest.fixture
def device(mosquitto: Mosquitto) -> str:
    """A device of its own for each test, known to the broker."""
    name = f"gate-{next(_numbers)}"
    mosquitto.admit({name: PASSWORD})
    return name


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A Unix socket's path holds 107 bytes; pytest's own folders can be longer."""
    with tempfile.TemporaryDirectory(prefix="gate-") as name:
        yield Path(name)


@pytest.fixture
def gate(short_folder: Path, device: str, mosquitto: Mosquitto) -> Iterator[Gate]:
    """Its agent is yet to be started."""
    with Gate(short_folder, device, mosquitto.port) as made:
        yield made


@pytest.fixture
def central(mosquitto: Mosquitto, device: str) -> Iterator[Central]:
    """Sends no receipts by itself."""
    with Central(mosquitto, device) as made:
        yield made


@pytest.fixture
def prompt_central(mosquitto: Mosquitto, device: str) -> Iterator[Central]:
    """Receipts at once what it holds without a hole."""
    with Central(mosquitto, device, prompt=True) as made:
        yield made


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Pn532]:
    with Pn532(tmp_path / "reader") as plugged:
        yield plugged


@pytest.fixture
def reader(chip: Pn532, tmp_path: Path) -> Iterator[NfcpyReader]:
    """Opened at the chip."""
    del chip  # it only has to be there
    opened = NfcpyReader(str(tmp_path / "reader"))
    open_patiently(opened)
    yield opened
    opened.close()
