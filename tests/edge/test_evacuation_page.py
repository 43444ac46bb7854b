"""The gate's page on the school's network, over real HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from central.evacuation.sealing import opener_of_card, opener_of_pin
from edge_agent.evacuation.kept import Fetched, KeptList, Refresher
from edge_agent.evacuation.service import Desk, Server
from edge_agent.evacuation.sessions import CARD_SECONDS, FIRST_WAIT_SECONDS, LOOK_SECONDS
from tests.edge.evacuation import DEVICE, TOKEN, Browser, a_list, sealed
from tests.edge.values import MORNING

PIN = "4829157730"
SITE_KEY = bytes(32)


class Silence:
    """A source that is never asked here."""

    def fetch(self, etag: str | None) -> Fetched:
        raise AssertionError(etag)


@dataclass
class Gate:
    desk: Desk
    kept: KeptList
    port: int
    seconds: float = 1000.0

    def browser(self) -> Browser:
        return Browser(self.port)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
def payload() -> bytes:
    return sealed(a_list(), opener_of_pin(PIN), opener_of_card(TOKEN))


@pytest.fixture
def gate(tmp_path: Path, payload: bytes) -> Iterator[Gate]:
    kept = KeptList(tmp_path / "evacuation.sealed", DEVICE)
    kept.replace(payload)
    gate = Gate.__new__(Gate)
    gate.seconds = 1000.0
    refresher = Refresher(Silence(), kept, gate.monotonic)
    gate.kept = kept
    gate.desk = Desk(
        kept,
        refresher,
        "es",
        now=lambda: MORNING + timedelta(minutes=12),
        monotonic=gate.monotonic,
    )
    server, stop = Server(gate.desk, "127.0.0.1", 0), threading.Event()
    gate.port = server.port
    running = threading.Thread(target=server.run, args=(stop,))
    running.start()
    yield gate
    stop.set()
    running.join(5)


def test_the_pin_opens_the_list_with_names_telephones_and_its_age(gate: Gate) -> None:
    browser = gate.browser()
    before = browser.get().text

    opened = browser.post("/open", pin="482 915 7730")
    page = browser.get(opened.location).text

    assert "Ana" not in before
    assert "PIN de emergencia" in before
    assert "Ñuñez Ñandú, Ana" in page
    assert 'href="tel:+56912345678"' in page
    assert "sin certeza" in page
    assert "hace 12 min" in page
    assert "La central no responde" in page


def test_what_one_browser_opened_another_does_not_see(gate: Gate) -> None:
    gate.browser().post("/open", pin=PIN)

    assert "Ana" not in gate.browser().get().text


def test_wrong_pins_soon_have_to_wait_even_from_elsewhere(gate: Gate) -> None:
    statuses = [gate.browser().post("/open", pin=f"000000000{n}").status for n in range(3)]

    right_but_too_soon = gate.browser().post("/open", pin=PIN)
    gate.seconds += FIRST_WAIT_SECONDS + 1
    in_time = gate.browser().post("/open", pin=PIN)

    assert statuses == [403, 403, 403]
    assert right_but_too_soon.status == 429
    assert "Demasiados intentos" in right_but_too_soon.text
    assert in_time.status == 303


def test_two_taps_of_a_staff_card_open_it_for_the_browser_that_asked(gate: Gate) -> None:
    asking, stranger = gate.browser(), gate.browser()
    asking.post("/card")

    gate.desk.card_tapped(TOKEN)
    after_one = asking.get("/card").status
    gate.desk.card_tapped(TOKEN)

    assert after_one == 200
    assert asking.get("/card").status == 303
    assert "Ana" in asking.get().text
    assert "Ana" not in stranger.get().text


def test_a_second_browser_cannot_wait_for_the_same_card(gate: Gate) -> None:
    gate.browser().post("/card")

    assert gate.browser().post("/card").status == 409


def test_a_tap_that_comes_too_late_or_of_another_card_opens_nothing(gate: Gate) -> None:
    late, other = gate.browser(), gate.browser()
    late.post("/card")
    gate.desk.card_tapped(TOKEN)
    gate.seconds += CARD_SECONDS
    gate.desk.card_tapped(TOKEN)
    other.post("/card")
    for _ in range(2):
        gate.desk.card_tapped(bytes(16))

    assert late.get("/card").status == 403
    assert "Ana" not in late.get().text
    assert other.get("/").status == 403
    assert "Esa tarjeta no abre la lista" not in other.get("/").text  # said once


def test_a_look_ends_by_itself_and_when_it_is_closed(gate: Gate) -> None:
    forgotten, closed = gate.browser(), gate.browser()
    for browser in (forgotten, closed):
        browser.post("/open", pin=PIN)

    closed.post("/close")
    still_open = forgotten.get().text
    gate.seconds += LOOK_SECONDS

    assert "Ana" not in closed.get().text
    assert "Ana" in still_open
    assert "Ana" not in forgotten.get().text


def test_who_has_it_open_sees_a_newer_list_as_it_comes(gate: Gate) -> None:
    browser = gate.browser()
    browser.post("/card")
    for _ in range(2):
        gate.desk.card_tapped(TOKEN)

    gate.kept.replace(sealed(a_list(minutes=3, name="Soto, Max"), opener_of_card(TOKEN)))

    assert "Soto, Max" in browser.get().text


def test_a_gate_without_a_list_says_so(tmp_path: Path, gate: Gate) -> None:
    kept = KeptList(tmp_path / "none", DEVICE)
    desk = Desk(
        kept,
        Refresher(Silence(), kept, gate.monotonic),
        "en",
        now=lambda: MORNING,
        monotonic=gate.monotonic,
    )

    assert "has not received any list" in desk.front("").body
    assert desk.open(PIN).status == 503


def test_another_site_cannot_send_forms_and_long_ones_are_not_read(gate: Gate) -> None:
    browser = gate.browser()

    crossed = browser.post("/open", pin=PIN, headers={"Sec-Fetch-Site": "cross-site"})
    long = browser.post("/open", pin="1" * 1000)

    assert crossed.status == 403
    assert long.status == 403
    assert "Ana" not in browser.get().text


def test_a_name_is_text_and_never_markup(gate: Gate) -> None:
    browser = gate.browser()
    gate.kept.replace(sealed(a_list(minutes=1, name="<script>alert(1)"), opener_of_card(TOKEN)))
    browser.post("/card")
    for _ in range(2):
        gate.desk.card_tapped(TOKEN)

    assert "&lt;script&gt;" in browser.get().text


def test_clients_that_say_nothing_do_not_keep_others_out(gate: Gate) -> None:
    silent = [socket.create_connection(("127.0.0.1", gate.port)) for _ in range(40)]

    answer = gate.browser().get()

    assert answer.status == 200
    for connection in silent:
        connection.close()
