"""Which pages a person gets: by role, by school, and where the rail leads."""

from __future__ import annotations

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import AuditEntry
from tests.builders import a_course, a_school, a_student
from tests.central.pages import a_member, signed_in, with_pages


@pytest.fixture
def app(app: APIFlask) -> APIFlask:
    return with_pages(app)


def test_a_page_is_refused_to_a_role_without_it(app: APIFlask, session: Session) -> None:
    person = signed_in(app, a_member(session, a_school(session), role="teacher"))

    assert person.get("/app/test/students").status_code == 200
    refused = person.get("/app/test/messages")

    assert refused.status_code == 403
    assert "No puedes ver esta página" in refused.text


def test_the_rail_shows_the_pages_that_exist_to_whom_they_are_for(
    app: APIFlask, session: Session
) -> None:
    school = a_school(session)
    director = signed_in(app, a_member(session, school, role="director"))
    technician = signed_in(app, a_member(session, school, role="technician"))

    on_it, beside_it = director.get("/app/reports").text, director.get("/app/sessions").text

    assert '<a href="/app/reports" aria-current="page">' in on_it
    assert '<a href="/app/reports">' in beside_it
    assert '<a href="/app/calendar">' in beside_it
    assert "Personas" not in beside_it  # no such page yet
    assert "/app/reports" not in technician.get("/app/sessions").text


def test_a_page_shows_no_other_school_even_with_a_wrong_query(
    app: APIFlask, session: Session
) -> None:
    mine, theirs = a_school(session), a_school(session)
    a_student(session, a_course(session, mine), given="Antonia")
    a_student(session, a_course(session, theirs), given="Benjamín")

    person = signed_in(app, a_member(session, mine))

    assert person.get("/app/test/students").text == "Antonia"


def test_who_works_in_several_schools_chooses_and_changes(app: APIFlask, session: Session) -> None:
    first, second = a_school(session), a_school(session)
    a_student(session, a_course(session, first), given="Antonia")
    a_student(session, a_course(session, second), given="Benjamín")
    person = signed_in(app, a_member(session, first, second))

    undecided = person.get("/app/test/students")
    choices = person.get("/app/schools")
    person.post("/app/schools", school=str(second.id))

    assert (undecided.status_code, undecided.location) == (303, "/app/schools")
    assert first.name in choices.text
    assert second.name in choices.text
    assert person.get("/app/test/students").text == "Benjamín"
    person.post("/app/schools", school=str(first.id))
    assert person.get("/app/test/students").text == "Antonia"
    entered = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert entered == ["entered_school", "entered_school"]


def test_a_strange_school_cannot_be_chosen(app: APIFlask, session: Session) -> None:
    person = signed_in(app, a_member(session, a_school(session)))
    strange = a_school(session)
    session.commit()

    assert person.post("/app/schools", school=str(strange.id)).status_code == 404
    assert person.post("/app/schools", school="x").status_code == 400


def test_losing_the_membership_closes_the_school_at_once(app: APIFlask, session: Session) -> None:
    first, second = a_school(session), a_school(session)
    user = a_member(session, first, second)
    a_student(session, a_course(session, second), given="Benjamín")
    session.commit()
    person = signed_in(app, user)
    person.post("/app/schools", school=str(first.id))

    session.connection().exec_driver_sql(f"DELETE FROM memberships WHERE school_id = {first.id}")
    session.commit()

    assert person.get("/app/test/students").text == "Benjamín"  # the only school left


def test_a_guardian_alone_has_no_staff_pages(app: APIFlask, session: Session) -> None:
    person = signed_in(app, a_member(session, a_school(session), role="guardian"))

    start, page = person.get("/app/"), person.get("/app/test/students")

    assert "Esta parte es para el personal de un colegio" in start.text
    assert page.status_code == 403
