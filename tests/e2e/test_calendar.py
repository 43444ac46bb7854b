"""The calendar in a browser: the year by keyboard, an exception from the form to the year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from central.calendar.models import CalendarException, CourseSchedule
from central.people.models import Course
from central.schools.models import School
from central.settings import Settings
from tests.builders import a_course, a_guardian, a_school, a_student
from tests.central.pages import PASSWORD, a_member, application
from tests.central.served import served
from tests.e2e.browser import DESKTOP, PHONE, Visit

pytestmark = pytest.mark.browser

TODAY = datetime.now(UTC).astimezone(ZoneInfo("America/Santiago")).date()
NEXT_TUESDAY = TODAY + timedelta(days=8 - TODAY.weekday())


@pytest.fixture
def session(web_owner: Engine) -> Iterator[Session]:
    with Session(web_owner, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session)


@pytest.fixture
def course(session: Session, school: School) -> Course:
    course = a_course(session, school)
    course.year = TODAY.year
    a_guardian(session, a_student(session, course))
    session.commit()
    return course


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visit(
    request: pytest.FixtureRequest,
    browser: Browser,
    web_settings: Settings,
    session: Session,
    school: School,
    course: Course,
) -> Iterator[Visit]:
    """A director's window, signed in."""
    director = a_member(session, school)
    with application(web_settings) as app, served(app) as origin:
        visit = Visit(browser, origin, width=request.param)
        visit.sign_in(director.email, PASSWORD)
        yield visit
        visit.close()


def test_the_year_begins_at_today_and_is_walked_by_the_arrows(visit: Visit) -> None:
    page = visit.page
    page.goto("/app/calendar")

    stops = page.locator(".months [data-date][tabindex='0']")
    expect(stops).to_have_count(1)
    expect(stops).to_have_attribute("data-date", TODAY.isoformat())
    if page.viewport_size and page.viewport_size["width"] == PHONE:
        expect(stops).to_be_in_viewport()  # of twelve months that lie side by side
    stops.focus()
    for key in ("ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    next_to = page.locator(f"[data-date='{TODAY + timedelta(days=6)}']")
    if (TODAY + timedelta(days=7)).year == TODAY.year:
        expect(next_to).to_be_focused()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Horario de los cursos").wait_for()
    assert visit.complaints == []


def test_an_exception_is_filled_in_looked_at_changed_and_confirmed(
    visit: Visit, session: Session
) -> None:
    page = visit.page
    page.goto(f"/app/calendar/exceptions/new?date={NEXT_TUESDAY}&kind=suspension")
    ends_at = page.locator("#ends_at")
    expect(ends_at).to_be_hidden()
    expect(page.locator(".scope-courses")).to_be_hidden()

    page.locator("input[name=kind][value=early_leave]").check(force=True)
    expect(page.locator("#starts_at")).to_be_hidden()
    ends_at.fill("12:00")
    page.locator("input[name=scope][value=courses]").check(force=True)
    page.locator(".scope-courses input").first.check()
    page.locator("#reason").fill("Consejo de profesores")
    page.get_by_label("Avisar a las familias afectadas").check()
    page.get_by_role("button", name="Ver a quién afecta").click()
    page.get_by_role("button", name="Cambiar algo").click()
    expect(page.locator("#reason")).to_have_value("Consejo de profesores")
    expect(ends_at).to_have_value("12:00")
    page.get_by_role("button", name="Ver a quién afecta").click()
    page.get_by_role("button", name="Confirmar y enviar 1 mensaje").click()

    page.get_by_text("Ya está en el calendario.").wait_for()
    made = session.scalars(select(CalendarException)).one()
    assert (made.kind, made.told_messages, str(made.ends_at)) == ("early_leave", 1, "12:00:00")
    page.goto(f"/app/calendar?year={NEXT_TUESDAY.year}")
    day = page.locator(f"[data-date='{NEXT_TUESDAY}']")
    expect(day).to_contain_text("Salida anticipada: Consejo de profesores")
    assert visit.complaints == []


def test_one_weekday_is_copied_and_kept(visit: Visit, session: Session, course: Course) -> None:
    page = visit.page
    page.goto("/app/calendar/hours")
    page.get_by_role("link", name="Cambiar este horario").click()

    page.get_by_label("lunes, entrada").fill("07:45")
    page.locator("button[name=copy][value='1']").click()
    expect(page.get_by_label("viernes, entrada")).to_have_value("07:45")
    page.locator(".form-actions").get_by_role("button", name="Ver a quién afecta").click()
    page.get_by_role("button", name="Guardar este horario").click()

    page.get_by_text("El horario quedó guardado.").wait_for()
    told = session.scalars(
        select(CourseSchedule.starts_at).where(CourseSchedule.from_on > TODAY)
    ).all()
    assert [str(at) for at in told] == ["07:45:00"] * 5
    assert visit.complaints == []


def test_a_phone_reaches_the_settings_by_the_account_menu(visit: Visit) -> None:
    page = visit.page
    page.goto("/app/calendar")
    in_the_rail = page.locator(".rail").get_by_role("link", name="Ajustes")
    if page.viewport_size and page.viewport_size["width"] == PHONE:
        expect(in_the_rail).to_be_hidden()
        page.locator("details.menu").last.click()
        page.locator("details.menu").get_by_role("link", name="Ajustes").click()
    else:
        in_the_rail.click()

    page.get_by_role("heading", name="Avisos a las familias").wait_for()
    page.get_by_role("radio", name="Una persona confirma cada vez").check()
    page.get_by_role("button", name="Guardar los ajustes").click()
    page.get_by_text("Los ajustes quedaron guardados.").wait_for()
    assert visit.complaints == []
