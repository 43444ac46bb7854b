"""The inspector's office in a browser: a signature drawn on the screen, at a desk and a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from central.absences.models import AbsenceRequest
from central.media.document_rules import PNG, media_type
from central.settings import Settings
from central.withdrawals.models import Withdrawal
from tests.central.desk_pages import Office, an_office
from tests.central.pages import PASSWORD, a_member
from tests.central.served import served
from tests.e2e.browser import DESKTOP, PHONE, Visit

pytestmark = pytest.mark.browser


@pytest.fixture
def session(web_owner: Engine) -> Iterator[Session]:
    with Session(web_owner, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def office(web_settings: Settings, session: Session, tmp_path: Path) -> Iterator[Office]:
    with an_office(web_settings, session, tmp_path) as office:
        yield office


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visit(
    request: pytest.FixtureRequest, browser: Browser, office: Office, session: Session
) -> Iterator[Visit]:
    """An inspector's window, signed in."""
    inspector = a_member(session, office.school, role="inspector")
    app = office.inspector.client.application
    with served(app) as origin:
        visit = Visit(browser, origin, width=request.param)
        visit.sign_in(inspector.email, PASSWORD)
        yield visit
        visit.close()


def draw(visit: Visit) -> None:
    """A stroke across the field, as a mouse or a finger makes it."""
    canvas = visit.page.locator("canvas.signature")
    canvas.hover(position={"x": 20, "y": 20})  # waits until it stands still and nothing covers it
    box = canvas.bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    visit.page.mouse.down()
    for step in range(1, 9):
        visit.page.mouse.move(box["x"] + 20 + step * 20, box["y"] + 20 + step % 2 * 30)
    visit.page.mouse.up()


def inked(visit: Visit) -> int:
    """How many points of the field are not white."""
    return int(
        visit.page.evaluate(
            "() => { const canvas = document.querySelector('canvas.signature');"
            " const data = canvas.getContext('2d')"
            ".getImageData(0, 0, canvas.width, canvas.height).data;"
            " let dark = 0; for (let at = 0; at < data.length; at += 4)"
            " if (data[at] < 128) dark += 1; return dark; }"
        )
    )


def fill(visit: Visit, office: Office) -> None:
    page = visit.page
    page.goto(f"/app/withdrawals/new?student={office.student.id}")
    page.locator(f'input[name="who"][value="guardian-{office.guardian.id}"]').check()
    page.locator("#identity_number").fill("12.345.678-5")
    page.locator("#reason").select_option("medical")


def test_a_guardian_signs_on_the_screen(visit: Visit, office: Office, session: Session) -> None:
    fill(visit, office)
    draw(visit)
    assert inked(visit) > 100

    visit.page.get_by_role("button", name="Confirmar el retiro").click()

    visit.page.get_by_role("heading", name="Comprobante de retiro").wait_for()
    made = session.scalars(select(Withdrawal)).one()
    assert made.signature_key is not None
    assert media_type((office.folder / made.signature_key).read_bytes()) == PNG
    shown = visit.page.locator(".signed img")
    assert shown.evaluate("image => image.complete && image.naturalWidth") == 640
    assert visit.complaints == []


def test_a_signature_can_be_drawn_again_or_left_to_paper(visit: Visit, office: Office) -> None:
    fill(visit, office)
    draw(visit)

    visit.page.get_by_role("button", name="Limpiar").click()

    assert inked(visit) == 0
    visit.page.get_by_label("Firma en el comprobante impreso").check()
    assert not visit.page.locator("canvas.signature").is_visible()
    visit.page.get_by_role("button", name="Confirmar el retiro").click()
    visit.page.get_by_text("Firma de", exact=False).wait_for()
    assert visit.page.get_by_role("button", name="Imprimir").is_visible()
    assert visit.complaints == []


def test_a_forgotten_card_from_the_search_to_the_day(visit: Visit, office: Office) -> None:
    page = visit.page
    page.goto("/app/corrections/new")
    page.locator("#who").fill("rojas sofi")
    page.get_by_role("button", name="Buscar", exact=True).click()
    page.locator(".found-students a").first.click()
    page.locator("#entry-reason").fill("Olvidó la tarjeta")

    page.get_by_role("button", name="Registrar").click()

    page.locator(".fact-entry").wait_for()
    assert "Inspectoría" in page.locator(".fact-entry").inner_text()
    assert not page.locator("#minutes-field").is_visible()
    page.locator("#status").select_option("late")
    assert page.locator("#minutes-field").is_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, "the page is wider than its window"
    assert visit.complaints == []


def test_an_absence_with_a_document(visit: Visit, office: Office, session: Session) -> None:
    page = visit.page
    page.goto(f"/app/absences/new?student={office.student.id}")
    page.locator("#reason").select_option("illness")
    page.locator("#document").set_input_files(
        {"name": "c.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 x"}
    )
    page.get_by_role("button", name="Registrar la solicitud").click()
    page.locator("a.row-link").first.click()

    with page.expect_download() as download:
        page.get_by_role("link", name="c.pdf").click()

    assert download.value.suggested_filename == "c.pdf"
    page.get_by_role("button", name="Aprobar").click()
    page.get_by_text("Aprobada").first.wait_for()
    assert session.scalars(select(AbsenceRequest.status)).one() == "approved"
    assert visit.complaints == []
