"""The live board, the message log and the page that tries the gates, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from central.accounts.models import WebSession
from central.people.models import Student
from central.settings import Settings
from central.web.live_hub import STREAMS
from tests.builders import a_guardian
from tests.central.live_school import Watched, a_watched_school
from tests.central.live_server import Stream, WebServer, web_server
from tests.central.pages import PASSWORD
from tests.e2e.browser import PHONE, Visit

pytestmark = pytest.mark.browser

LIVE = "#live[data-state=live]"
ROWS = "#sightings > .sighting"
# when each row appeared, in seconds since 1970
WATCH_ROWS = """
() => {
  window.appeared = {};
  const look = (row) => (window.appeared[row.dataset.group] ??= Date.now() / 1000);
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) look(node);
  }).observe(document.querySelector("#sightings"), { childList: true });
}
"""
# what a person who cannot see the page, or has no mouse, would miss
FAULTS = """
() => {
  const faults = [];
  // rows off the screen are not laid out, so that they have no inner text, but they have a name
  const words = (e) => e.innerText || (e.closest(".sighting") ? e.textContent : "");
  const name = (e) => (e.getAttribute("aria-label") || e.title || words(e)).trim()
    || [...e.querySelectorAll("img[alt], svg title")].map((i) => i.alt || i.textContent).join("");
  for (const e of document.querySelectorAll("a, button, summary"))
    if (e.checkVisibility() && !name(e)) faults.push(`no name: ${e.outerHTML.slice(0, 80)}`);
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!e.labels?.length && !e.getAttribute("aria-label"))
      faults.push(`no label: ${e.outerHTML.slice(0, 80)}`);
  for (const e of document.querySelectorAll("img:not([alt])")) faults.push(`no alt: ${e.src}`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (!document.querySelector("main")) faults.push("no main");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) faults.push(`id twice: ${id}`);
  for (const e of document.querySelectorAll("[aria-labelledby]"))
    if (!document.getElementById(e.getAttribute("aria-labelledby")))
      faults.push(`labelled by nothing: ${e.outerHTML.slice(0, 80)}`);
  if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls sideways");
  for (const e of document.querySelectorAll("[style]")) faults.push(`style: ${e.outerHTML}`);
  return faults;
}
"""


@pytest.fixture
def visit(browser: Browser, web: WebServer, watched: Watched) -> Iterator[Visit]:
    visit = Visit(browser, web.origin)
    visit.sign_in(watched.person.email, PASSWORD)
    yield visit
    visit.close()


def open_board(visit: Visit, query: str = "") -> Page:
    visit.page.goto(f"/app/board{query}")
    visit.page.locator(LIVE).wait_for()
    return visit.page


def test_a_tap_appears_by_itself_is_filtered_and_the_person_signs_out(
    visit: Visit, watched: Watched
) -> None:
    page = open_board(visit)
    page.evaluate("() => (window.notReloaded = true)")
    page.evaluate(WATCH_ROWS)

    watched.taps(watched.card(3))
    committed_at = time.time()
    expect(page.locator(ROWS)).to_have_count(1)
    appeared_at = next(iter(page.evaluate("() => window.appeared").values()))
    watched.taps(watched.card(4), "a stranger")
    expect(page.locator(ROWS)).to_have_count(3)

    assert appeared_at - committed_at < 1
    assert page.evaluate("() => window.notReloaded")
    expect(page.locator('[data-figure="inside"]')).to_have_text("2")
    expect(page.locator('[data-count="nobody"]')).to_have_text("1")

    page.get_by_role("link", name="Sin identificar").click()
    expect(page.locator(f"{ROWS}:visible")).to_have_count(1)
    assert page.url.endswith("/app/board?kind=nobody")
    page.get_by_role("link", name="Entradas").click()
    page.get_by_label("Filtrar por nombre").fill("nina n4")
    expect(page.locator(f"{ROWS}:visible")).to_have_count(1)
    expect(page.locator(f"{ROWS}:visible .name")).to_have_text("Niña N4 Rojas Muñoz")

    page.reload()  # the address says what was filtered
    expect(page.locator(f"{ROWS}:visible .name")).to_have_text("Niña N4 Rojas Muñoz")

    page.get_by_label("Tu cuenta").click()
    page.get_by_role("button", name="Salir").click()
    page.locator("#password").wait_for()
    assert visit.complaints == []


def test_news_obeys_the_filter_in_force_and_nothing_else_moves(
    visit: Visit, watched: Watched
) -> None:
    page = open_board(visit, "?kind=exit")
    watched.taps(watched.card(0))
    expect(page.locator('[data-count="entry"]')).to_have_text("1")
    parts = [page.locator(place) for place in (".figures", ".attention", ".stream", ".courses")]
    before = [part.bounding_box() for part in parts]

    for number in range(1, 6):
        watched.taps(watched.card(number))
    expect(page.locator('[data-count="entry"]')).to_have_text("6")

    expect(page.locator(f"{ROWS}:visible")).to_have_count(0)
    expect(page.locator("#nothing")).to_be_visible()
    assert [part.bounding_box() for part in parts] == before


def test_a_page_left_open_through_a_crash_of_the_server_catches_up_by_itself(
    browser: Browser, web_env: dict[str, str], watched: Watched, tmp_path: Path
) -> None:
    with web_server(web_env, tmp_path / "web.log") as server:
        visit = Visit(browser, server.origin)
        visit.sign_in(watched.person.email, PASSWORD)
        page = open_board(visit)
        page.evaluate("() => (window.notReloaded = true)")
        watched.taps(watched.card(0))
        expect(page.locator(ROWS)).to_have_count(1)

        server.kill()
        expect(page.locator("#live")).not_to_have_attribute("data-state", "live")
        watched.taps(watched.card(1), watched.card(2))
        server.start()

        expect(page.locator(ROWS)).to_have_count(3, timeout=20_000)
        assert page.evaluate("() => window.notReloaded")
        visit.close()


def test_without_room_for_another_stream_the_page_polls(
    browser: Browser, web_env: dict[str, str], watched: Watched, tmp_path: Path
) -> None:
    with web_server(web_env, tmp_path / "web.log") as server:
        streams = [Stream(server.origin, "/app/live/board", watched.cookie) for _ in range(STREAMS)]
        visit = Visit(browser, server.origin)
        visit.sign_in(watched.person.email, PASSWORD)
        visit.page.goto("/app/board")

        expect(visit.page.locator("#live")).to_have_text("Cada 5 segundos")
        watched.taps(watched.card(0))

        expect(visit.page.locator(ROWS)).to_have_count(1, timeout=8_000)
        visit.close()
        for stream in streams:
            stream.close()


@pytest.mark.slow
def test_signing_out_elsewhere_sends_an_open_board_to_the_sign_in_page(
    visit: Visit, web_owner: Engine
) -> None:
    page = open_board(visit)

    with Session(web_owner) as session, session.begin():
        session.execute(update(WebSession).values(revoked_at=WebSession.created_at))

    page.locator("#password").wait_for(timeout=20_000)


@pytest.mark.slow
def test_a_rush_of_600_children_is_on_the_board_each_within_a_second(
    browser: Browser, web: WebServer, web_owner: Engine, web_settings: Settings
) -> None:
    school = a_watched_school(web_owner, web_settings, students=600)
    visit = Visit(browser, web.origin)
    visit.sign_in(school.person.email, PASSWORD)
    page = open_board(visit)
    page.evaluate(WATCH_ROWS)
    committed: list[float] = []

    due = time.monotonic()
    for first in range(0, 600, 2):  # two gates; ten children a second, three times the real rush
        school.taps(school.card(first), school.card(first + 1))
        committed += [time.time()] * 2
        due += 0.2
        time.sleep(max(due - time.monotonic(), 0))  # the pace of the rush

    expect(page.locator(ROWS)).to_have_count(600)
    expect(page.locator('[data-figure="inside"]')).to_have_text("600")
    appeared = sorted(page.evaluate("() => Object.values(window.appeared)"))
    late = [shown - kept for kept, shown in zip(committed, appeared, strict=True)]
    assert max(late) < 1, sorted(late)[-10:]
    assert visit.complaints == []
    visit.close()


def test_the_message_log_fills_by_itself_and_an_empty_one_stays_quiet(
    visit: Visit, watched: Watched, web_owner: Engine
) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.page.goto("/app/messages")
    visit.page.locator(LIVE).wait_for()
    visit.page.wait_for_load_state("networkidle")
    pages = [url for url in asked if url.endswith("/app/messages")]

    with Session(web_owner) as session:
        student = session.scalars(select(Student).where(Student.given_names == "Niña N0")).one()
        a_guardian(session, student)
        session.commit()
    watched.taps(watched.card(0))

    expect(visit.page.locator(".message-row")).to_have_count(1)
    expect(visit.page.locator(".message-row .text")).to_contain_text("Niña")
    assert len(pages) == 1
    assert visit.complaints == []


def test_the_search_field_is_reached_by_a_key_and_shows_the_state(
    visit: Visit, watched: Watched
) -> None:
    watched.taps(watched.card(2))
    page = open_board(visit)

    page.keyboard.press("/")
    page.keyboard.type("nina n2")

    expect(page.locator("#found")).to_contain_text("Dentro desde")
    assert visit.complaints == []


def test_the_board_is_usable_by_keyboard(visit: Visit, watched: Watched) -> None:
    watched.taps(watched.card(0))
    page = open_board(visit)

    page.locator("#course-menu summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert f"course={watched.course.id}" in page.url
    expect(page.locator("#course-chosen")).to_have_text(watched.course.name)
    expect(page.locator("#course-menu summary")).to_be_focused()
    expect(page.locator(f"{ROWS}:visible")).to_have_count(1)
    page.get_by_role("region", name="Todo lo de hoy").focus()  # scrolls by the arrow keys


@pytest.mark.parametrize("width", [PHONE, 1440])
def test_pages_name_what_is_on_them_and_fit_their_window(
    browser: Browser, web: WebServer, watched: Watched, width: int
) -> None:
    watched.taps(watched.card(0), "a stranger")
    visit = Visit(browser, web.origin, width=width)
    visit.sign_in(watched.person.email, PASSWORD)

    faults = {}
    for path in (
        *("/app/board", "/app/board/students", "/app/messages", "/app/search?q=nina"),
        "/dev/gates",
    ):
        visit.page.goto(path)
        visit.page.wait_for_load_state("load")
        faults[path] = visit.page.evaluate(FAULTS)

    assert faults == {path: [] for path in faults}
    assert visit.complaints == []
    visit.close()


def test_without_javascript_the_board_is_a_page_that_says_so(
    browser: Browser, web: WebServer, watched: Watched
) -> None:
    watched.taps(watched.card(0))
    context = browser.new_context(base_url=web.origin, java_script_enabled=False, locale="es")
    page = context.new_page()
    page.goto("/app/sign-in")
    page.locator("#email").fill(watched.person.email)
    page.locator("#password").fill(PASSWORD)
    page.locator("form.card button[type=submit]").click()

    page.goto("/app/board")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("noscript .message")).to_contain_text("Sin JavaScript")
    page.get_by_role("link", name="Salidas").click()

    expect(page.locator(f"{ROWS}:visible")).to_have_count(0)
    context.close()


def test_the_gates_page_taps_cards_and_runs_a_rush(visit: Visit, watched: Watched) -> None:
    page = visit.page
    page.goto("/dev/gates")

    page.get_by_label("La tarjeta de un estudiante").fill("nina n5")
    page.get_by_role("button", name="Acercar", exact=True).click()
    expect(page.locator("#results li")).to_have_count(1)
    expect(page.locator("#results .said").first).to_have_text("Hola, Niña R.")
    page.get_by_role("button", name="Retirada muy pronto").click()
    expect(page.locator("#results .said").first).to_have_text("Acerca la tarjeta otra vez")

    page.get_by_label("Quiénes").select_option("all")
    page.get_by_label("En", exact=True).select_option("1")
    page.get_by_role("button", name="Empezar").click()
    expect(page.locator("#rush-said")).to_have_text("2 de 8")  # the first of either gate
    page.get_by_role("button", name="Pausar").click()
    expect(page.get_by_role("button", name="Seguir")).to_be_visible()
    page.get_by_role("button", name="Detener").click()
    expect(page.get_by_role("button", name="Empezar")).to_be_enabled()
    assert visit.complaints == []
