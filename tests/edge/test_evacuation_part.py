"""The list of who is inside, in the agent itself: fetched, kept, opened by a card at its reader."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from central.evacuation.sealing import opener_of_card
from devkit.servers import Mosquitto, free_port
from devkit.waiting import wait_until
from edge_agent.evacuation.central_source import PATH
from tests.edge.evacuation import Browser, a_list, sealed
from tests.edge.gate import PATIENCE, Gate, card, roster, token
from tests.edge.website import Asked, Reply, Website, a_key_file

STAFF = 2


@pytest.fixture
def page_port(gate: Gate) -> int:
    """Of the page that the gate serves; it knows a card of the staff."""
    gate.write_roster(roster(states={STAFF: "staff"}))
    return free_port()


@pytest.fixture
def central_site(gate: Gate) -> Iterator[Website]:
    content = sealed(a_list(), opener_of_card(token(STAFF)), device=gate.device)

    def answer(asked: Asked) -> Reply:
        if asked.path == PATH:
            return Reply(body=content, headers={"ETag": 'W/"1"'})
        return Reply(status=304)

    with Website(answer) as site:
        yield site


def configure(gate: Gate, broker_port: int, central_port: int, page_port: int) -> None:
    a_key_file(gate.folder)
    gate.write_config(
        broker_port,
        f"""\
[central]
url = "http://127.0.0.1:{central_port}"
key_file = "device.key"
[evacuation]
host = "127.0.0.1"
port = {page_port}
""",
    )


def kept(gate: Gate) -> Path:
    return gate.data / "evacuation.sealed"


def browser(gate: Gate, port: int) -> Browser:
    """On a telephone whose owner went on at the browser's question."""
    own = gate.data / "evacuation-page.pem"
    assert wait_until(lambda: own.exists() and listens(port), PATIENCE), gate.logged()
    return Browser(port, trusted=own)


def listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def open_by_card(gate: Gate, phone: Browser) -> str:
    assert phone.post("/card").location == "/card"
    for _ in range(2):
        assert gate.tap(card(STAFF))["pattern"] == "accept"
    assert wait_until(lambda: phone.get("/card").location == "/", PATIENCE)
    return phone.get("/").text


def test_a_staff_card_at_the_reader_opens_the_list_also_when_central_is_gone(
    gate: Gate, mosquitto: Mosquitto, central_site: Website, page_port: int
) -> None:
    configure(gate, mosquitto.port, central_site.port, page_port)
    gate.start()
    assert wait_until(kept(gate).exists, PATIENCE), gate.logged()
    gate.kill()
    configure(gate, mosquitto.port, free_port(), page_port)  # nobody answers there
    gate.start()

    text = open_by_card(gate, browser(gate, page_port))

    assert "1° Básico A" in text
    assert "Ñuñez Ñandú, Ana" in text
    assert "La central no responde" in text


def test_what_lies_on_the_disk_and_in_the_log_names_nobody(
    gate: Gate, mosquitto: Mosquitto, central_site: Website, page_port: int
) -> None:
    configure(gate, mosquitto.port, central_site.port, page_port)
    gate.start()
    assert wait_until(kept(gate).exists, PATIENCE), gate.logged()
    assert "Ñandú" in open_by_card(gate, browser(gate, page_port))

    files = [path.read_bytes() for path in gate.data.iterdir() if path.is_file()]

    assert not [content for content in files if "Ñandú".encode() in content]
    assert "Ñandú" not in gate.logged()
    assert token(STAFF).hex() not in gate.logged()
    assert (gate.data / "evacuation-page.pem").stat().st_mode & 0o077 == 0


def test_a_port_that_is_taken_costs_the_page_and_no_tap(
    gate: Gate, mosquitto: Mosquitto, central_site: Website, page_port: int
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", page_port))
        other.listen()
        configure(gate, mosquitto.port, central_site.port, page_port)
        gate.start()

        assert gate.tap(card(1))["pattern"] == "accept"

        assert wait_until(lambda: "cannot be served" in gate.logged(), PATIENCE)
        assert gate.exit_status() is None
