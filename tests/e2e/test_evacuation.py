"""Two phones in an evacuation, one of them losing the network, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.central.evacuations import FullHouse, a_full_house
from tests.central.live_server import WebServer
from tests.central.pages import PASSWORD, a_member
from tests.e2e.browser import PHONE, Visit
from tests.e2e.test_board import FAULTS

pytestmark = pytest.mark.browser


@dataclass
class Phones:
    """An inspector's and a teacher's phone with the same list open."""

    house: FullHouse
    inspector: Visit
    teacher: Visit
    database: Engine

    def row(self, visit: Visit, number: int) -> str:
        return f'[data-student="{self.house.inside[number].id}"]'

    def marks(self) -> list[str]:
        with self.database.connect() as connection:
            found = connection.execute(text("SELECT state FROM evacuation_marks ORDER BY id"))
            return [state for (state,) in found]


@pytest.fixture
def phones(browser: Browser, web: WebServer, web_owner: Engine) -> Iterator[Phones]:
    with Session(web_owner, expire_on_commit=False) as session:
        house = a_full_house(session)
        people = {
            role: a_member(session, house.school, role=role) for role in ("inspector", "teacher")
        }
    visits = {}
    for role, person in people.items():
        visits[role] = Visit(browser, web.origin, width=PHONE)
        visits[role].sign_in(person.email, PASSWORD)
    begin(visits["inspector"].page)
    visits["teacher"].page.goto("/app/board")
    visits["teacher"].page.locator(".evacuation-bar").click()
    for visit in visits.values():
        visit.page.locator("#live[data-state=live]").wait_for()
    yield Phones(house, visits["inspector"], visits["teacher"], web_owner)
    for visit in visits.values():
        visit.close()


def begin(page: Page) -> None:
    """One tap and its confirmation."""
    page.goto("/app/evacuations")
    page.locator(".begin-real > summary").click()
    page.locator(".begin-real button").click()
    page.locator("#evacuation").wait_for()


def state_of(visit: Visit, row: str, state: str) -> None:
    expect(visit.page.locator(row)).to_have_attribute("data-state", state)


def test_what_one_phone_marks_the_other_shows_and_takes_back(phones: Phones) -> None:
    row = phones.row(phones.inspector, 0)

    phones.inspector.page.locator(f"{row} .mark-safe").click()
    state_of(phones.inspector, row, "safe")
    state_of(phones.teacher, row, "safe")
    expect(phones.teacher.page.locator('[data-total="safe"]')).to_have_text("1")
    phones.teacher.page.locator(f"{row} .mark-safe").click()

    state_of(phones.teacher, row, "unmarked")
    state_of(phones.inspector, row, "unmarked")
    expect(phones.inspector.page.locator('[data-total="safe"]')).to_have_text("0")
    assert phones.marks() == ["safe", "unmarked"]


def test_marks_made_without_network_survive_a_reload_and_arrive_once(phones: Phones) -> None:
    page = phones.teacher.page
    first, second = phones.row(phones.teacher, 0), phones.row(phones.teacher, 1)

    page.context.set_offline(True)
    page.locator(f"{first} .mark-safe").click()
    page.locator(f"{second} .mark-missing").click()
    expect(page.locator("#waiting")).to_contain_text("2 marcas esperan la red")
    state_of(phones.teacher, first, "safe")
    nothing_yet = phones.marks()
    page.context.set_offline(False)

    expect(page.locator("#waiting")).to_be_hidden()
    state_of(phones.inspector, first, "safe")
    state_of(phones.inspector, second, "missing")
    page.reload()
    state_of(phones.teacher, second, "missing")
    assert nothing_yet == []
    assert sorted(phones.marks()) == ["missing", "safe"]


def test_a_whole_course_is_marked_at_once_and_the_list_narrows(phones: Phones) -> None:
    page = phones.teacher.page
    course = page.locator(f'[data-course="{phones.house.courses[0].id}"]')

    course.locator("[data-all-safe]").click()
    page.locator('[data-show="unmarked"]').click()

    expect(course).to_be_hidden()
    expect(page.locator(phones.row(phones.teacher, 2))).to_be_visible()
    expect(phones.inspector.page.locator('[data-total="unmarked"]')).to_have_text("1")


def test_the_end_turns_every_phone_to_the_report(phones: Phones) -> None:
    page = phones.inspector.page
    page.locator(f"{phones.row(phones.inspector, 0)} .mark-safe").click()
    expect(page.locator("#waiting")).to_be_hidden()

    page.locator(".end-it > summary").click()
    page.locator(".end-it button").click()

    page.locator(".summary").wait_for()
    phones.teacher.page.locator(".summary").wait_for()


def test_the_pages_have_no_faults_and_complain_of_nothing(phones: Phones) -> None:
    visit = phones.inspector
    for path in ("/app/inside?phones=1", "/app/evacuations", visit.page.url, "/app/reports"):
        visit.page.goto(path)
        visit.page.wait_for_load_state("load")
        assert visit.page.evaluate(FAULTS) == [], path

    assert visit.complaints == []
