"""The gate's screen in a kiosk browser: a card at a real agent's reader, and what a child sees."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from devkit.servers import free_port
from devkit.waiting import wait_until
from tests.e2e.browser import Visit
from tests.edge.gate import PATIENCE, Gate, card

pytestmark = pytest.mark.browser

SIZES = ((800, 480), (1280, 720), (480, 800))
PROMISED_SECONDS = 0.15
SLACK_SECONDS = 1.0  # for a browser on a machine that does other things too
FAULTS = """() => {
  const seen = ['shape', 'line', 'title', 'word', 'clock'].map((id) => document.getElementById(id));
  return seen.filter((part) => part.textContent.trim() || part.id === 'shape').filter((part) => {
    const box = part.getBoundingClientRect();
    return box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight;
  }).map((part) => part.id);
}"""


@pytest.fixture(scope="module")
def gated() -> Iterator[tuple[Gate, str]]:
    """With a screen, and a broker that does not answer: nobody who stands here shall notice."""
    with (
        tempfile.TemporaryDirectory(prefix="gate-") as folder,
        Gate(Path(folder), "gate-screen", free_port()) as made,
    ):
        config = made.config.read_text()
        with_screen = config.replace('kind = "emulated"', 'kinds = ["emulated", "screen"]')
        port = free_port()
        made.config.write_text(f"{with_screen}[screen]\nport = {port}\n")
        made.start()
        assert wait_until(lambda: "screen at" in made.logged(), PATIENCE), made.logged()
        yield made, f"http://127.0.0.1:{port}"


@pytest.fixture
def gate(gated: tuple[Gate, str]) -> Gate:
    return gated[0]


@pytest.fixture
def visit(browser: Browser, gated: tuple[Gate, str]) -> Iterator[Visit]:
    visit = Visit(browser, gated[1])
    visit.page.clock.install()
    visit.page.goto("/")
    state(visit.page, "idle")
    yield visit
    visit.close()


def state(page: Page, expected: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-state", expected)


def test_a_tap_is_on_the_screen_at_once_and_gone_after_three_seconds(
    gate: Gate, visit: Visit
) -> None:
    page = visit.page
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    gate.reader.put(card(1))
    gate.answers.next()
    answered = time.monotonic()
    page.wait_for_selector("body[data-state=accept]")
    took = time.monotonic() - answered

    expect(page.locator("#title")).to_have_text("Student 1!")
    gate.take_away()
    page.clock.run_for(2900)
    state(page, "accept")
    page.clock.run_for(200)
    state(page, "idle")

    assert took < PROMISED_SECONDS + SLACK_SECONDS
    assert "Student" not in page.content()
    assert visit.complaints == []


def test_an_unknown_card_is_sent_on_kindly_and_the_next_child_is_greeted_at_once(
    gate: Gate, visit: Visit
) -> None:
    gate.tap(card(99))
    state(visit.page, "office")
    expect(visit.page.locator("#word")).to_contain_text("inspectoría")

    gate.tap(card(2))

    state(visit.page, "accept")


def test_without_a_connection_it_says_so_quietly_and_greets_all_the_same(
    gate: Gate, visit: Visit
) -> None:
    expect(visit.page.locator("#link")).to_have_text("Sin conexión: todo se anota igual")

    gate.tap(card(3))

    state(visit.page, "accept")


@pytest.mark.parametrize(("width", "height"), SIZES, ids=lambda side: str(side))
def test_everything_fits_every_screen(gate: Gate, visit: Visit, width: int, height: int) -> None:
    page = visit.page
    page.set_viewport_size({"width": width, "height": height})
    for state_name, content in (
        ("idle", {"title": "Acerca tu tarjeta"}),
        ("accept", {"line": "¡Hasta pronto,", "title": "María-Antonieta-Josefina!"}),
        (
            "office",
            {"line": "¡Hola,", "title": "Maximiliano!", "word": "Pasa por inspectoría " * 3},
        ),
    ):
        page.evaluate(PAINT, {"state": state_name, "seconds": 3, "clock": "12:58", **content})
        state(page, state_name)
        assert page.evaluate(FAULTS) == [], state_name


PAINT = """(showing) => import('/screen.js').then((screen) => screen.show(showing))"""


def test_an_agent_that_is_gone_asks_for_no_card_and_comes_back_by_itself(
    gate: Gate, visit: Visit
) -> None:
    gate.kill()
    visit.page.clock.run_for(6000)
    state(visit.page, "starting")

    gate.start()

    expect(visit.page.locator("#title")).to_have_text("Acerca tu tarjeta", timeout=PATIENCE * 1000)
