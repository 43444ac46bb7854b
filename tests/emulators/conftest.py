"""Emulators as processes: the gates for each test anew, WhatsApp for a module's tests together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.nfc.pn532 import Pn532
from tests.emulators import cloud_client
from tests.emulators.cloud_client import Cloud
from tests.emulators.processes import address, running
from tests.emulators.rig import CARDS, SmallAgent, write_cards
from tests.emulators.rig import write_config as write_gates_config
from tests.emulators.sink import Sink


def write_config(folder: Path, webhook_url: str) -> Path:
    path = folder / "whatsapp.json"
    path.write_text(
        json.dumps(
            {
                "port": 0,
                "token": cloud_client.TOKEN,
                "app_secret": cloud_client.APP_SECRET,
                "verify_token": "check me",
                "webhook_url": webhook_url,
                "phone_number_id": cloud_client.PHONE_NUMBER_ID,
                "business_account_id": cloud_client.BUSINESS_ACCOUNT_ID,
                "display_name": "Colegio <Demo>",
            }
        )
    )
    return path


@pytest.fixture(scope="module")
def module_sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def emulator(module_sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = write_config(tmp_path_factory.mktemp("whatsapp"), module_sink.url)
    with running("emulators.whatsapp", "--config", str(config)) as process:
        yield address(process)


@pytest.fixture
def sink(module_sink: Sink) -> Sink:
    module_sink.received.clear()
    return module_sink


@pytest.fixture
def cloud(emulator: str) -> Cloud:
    """The emulator as it is after a reset."""
    cloud = Cloud(emulator)
    cloud.order("/emulator/reset", {})
    return cloud


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_cards(tmp_path, CARDS)
    return tmp_path


@pytest.fixture
def gates(folder: Path) -> Iterator[str]:
    with running("emulators.gates", "--config", str(write_gates_config(folder))) as process:
        yield address(process)


@pytest.fixture
def agent(gates: str, folder: Path) -> Iterator[SmallAgent]:
    with SmallAgent(folder, "norte") as agent:
        yield agent


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "reader-north"


@pytest.fixture
def reader(link: Path) -> Iterator[Pn532]:
    with Pn532(link) as reader:
        yield reader
