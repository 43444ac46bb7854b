"""A photo in a browser: loaded when somebody opens it, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from central.media.photo_service import LOOKED
from central.models import AuditEntry
from central.settings import Settings
from tests.central.desk_pages import Office, an_office
from tests.central.pages import PASSWORD, a_member
from tests.central.served import served
from tests.central.test_photo_pages import a_kept_photo
from tests.e2e.browser import DESKTOP, PHONE, Visit

pytestmark = pytest.mark.browser


@pytest.fixture
def session(web_owner: Engine) -> Iterator[Session]:
    with Session(web_owner, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def office(web_settings: Settings, session: Session, tmp_path: Path) -> Iterator[Office]:
    with an_office(web_settings, session, tmp_path) as office:
        a_kept_photo(session, office.school, office.student, office.folder)
        yield office


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visit(
    request: pytest.FixtureRequest, browser: Browser, office: Office, session: Session
) -> Iterator[Visit]:
    """A director's window, signed in."""
    director = a_member(session, office.school, role="director")
    with served(office.director.client.application) as origin:
        visit = Visit(browser, origin, width=request.param)
        visit.sign_in(director.email, PASSWORD)
        yield visit
        visit.close()


def looks(session: Session) -> int:
    return session.scalar(select(func.count()).where(AuditEntry.action == LOOKED)) or 0


def test_a_photo_is_looked_at_only_when_it_is_opened(
    visit: Visit, office: Office, session: Session
) -> None:
    visit.page.goto(office.day)
    visit.page.wait_for_load_state("networkidle")
    assert looks(session) == 0

    visit.page.locator(".tap-photo > summary").click()
    picture = visit.page.locator(".tap-photo img")
    assert (
        picture.evaluate("async (img) => { await img.decode(); return img.naturalWidth; }") == 640
    )

    session.rollback()
    assert looks(session) == 1
    assert visit.complaints == []
