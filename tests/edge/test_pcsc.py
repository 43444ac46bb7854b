"""Cards at a real pcscd, read by pyscard in a real agent. The reader and the cards are virtual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.cards import token_uri
from devkit.errors import DevError
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from emulators.nfc.tags import Ntag, with_uri
from tests.edge.gate import DOMAIN, PATIENCE, Gate, token, uid
from tests.edge.secure import secure_card, secure_roster
from tests.edge.virtual_card import NAME, Missing, Tools, daemon, find_tools, held

ABSENT = "reader mesa: not available"
READY = "reader mesa: ready"


@pytest.fixture(scope="module")
def tools() -> Tools:
    try:
        return find_tools()
    except (Missing, DevError) as lack:
        pytest.skip(f"no PC/SC to be had on this machine: {str(lack)[:200]}")


@pytest.fixture
def port(tools: Tools, tmp_path: Path) -> Iterator[int]:
    try:
        with daemon(tools, tmp_path) as port:
            yield port
    except Missing as lack:
        pytest.skip(str(lack))


@pytest.fixture
def desk(gate: Gate, mosquitto: Mosquitto, tools: Tools) -> Gate:
    """A gate whose reader is on PC/SC; its agent is yet to be started."""
    library = gate.folder / "library"
    library.mkdir()
    (library / "smartcard").symlink_to(tools.binding)
    environment = (f"PYTHONPATH={library}", f"LD_LIBRARY_PATH={tools.libraries}")
    gate.python = ("env", *environment, *gate.python)
    gate.write_config(mosquitto.port)
    config = gate.config.read_text()
    nfcpy = f'name = "entrada"\ndriver = "nfcpy"\npath = "{gate.folder}/reader"'
    assert nfcpy in config
    pcsc = f'name = "mesa"\ndriver = "pcsc"\npath = "{NAME}"'
    gate.config.write_text(config.replace(nfcpy, pcsc))
    return gate


def plain_card(number: int) -> Ntag:
    return with_uri(uid(number), token_uri(DOMAIN, token(number)))


def started(desk: Gate) -> None:
    desk.start()
    assert wait_until(lambda: READY in desk.logged(), PATIENCE), desk.logged()


def test_plain_and_secure_cards_are_read_and_a_torn_one_is_asked_to_be_held(
    desk: Gate, port: int
) -> None:
    started(desk)
    with held(plain_card(1), port):
        assert desk.answers.next()["name"] == "Student 1"
    with held(plain_card(2), port, commands=3):
        assert desk.answers.next()["verdict"] == "torn"
    with held(Ntag(uid(3)), port):
        assert desk.answers.next()["verdict"] == "unknown"

    desk.write_roster(secure_roster())
    assert wait_until(lambda: "roster version s1" in desk.logged(), PATIENCE)
    with held(secure_card(4), port):
        assert desk.answers.next()["name"] == "Student 4"

    kinds = [row["card"]["kind"] for row in desk.stored().values()]
    assert kinds == ["token", "uid", "uid", "sun"]


def test_a_reader_whose_daemon_dies_is_waited_for(desk: Gate, tools: Tools, tmp_path: Path) -> None:
    try:
        with daemon(tools, tmp_path):
            started(desk)
        assert wait_until(lambda: ABSENT in desk.logged(), PATIENCE), desk.logged()
        with daemon(tools, tmp_path) as port:
            assert wait_until(lambda: desk.logged().count(READY) == 2, PATIENCE), desk.logged()
            with held(plain_card(1), port):
                assert desk.answers.next()["name"] == "Student 1"
    except Missing as lack:
        pytest.skip(str(lack))
