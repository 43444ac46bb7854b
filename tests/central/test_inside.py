"""Who is inside now: by course, narrowed, with telephones on demand."""

from __future__ import annotations

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import AuditEntry
from central.evacuation.inside_queries import contacts_of, inside_now
from central.people.models import StudentGuardian, TeacherCourse
from tests.builders import a_guardian
from tests.central.evacuations import FullHouse, a_full_house
from tests.central.pages import Person, a_member, signed_in


@pytest.fixture
def house(session: Session) -> FullHouse:
    return a_full_house(session)


@pytest.fixture
def inspector(app: APIFlask, session: Session, house: FullHouse) -> Person:
    return signed_in(app, a_member(session, house.school, role="inspector"))


def names(session: Session, house: FullHouse, **narrowed: str) -> list[str]:
    found = inside_now(session, house.school.id, house.today, **narrowed)  # type: ignore[arg-type]
    return [student.given_names for student in found]


def test_who_has_left_is_not_inside(session: Session, house: FullHouse) -> None:
    assert names(session, house) == ["Ana", "Benja", "Carla"]
    assert names(session, house, typed="BENJÁ") == ["Benja"]


def test_the_page_lists_by_course_and_says_of_whom_it_is_not_sure(
    inspector: Person, house: FullHouse
) -> None:
    everybody = inspector.get("/app/inside").text
    unsure = inspector.get("/app/inside?unsure=1").text
    one_course = inspector.get(f"/app/inside?course={house.courses[1].id}").text

    assert all(name in everybody for name in ("Ana", "Benja", "Carla"))
    assert "Diego" not in everybody
    assert "Carla" in unsure
    assert "Ana" not in unsure
    assert "Carla" in one_course
    assert "Ana" not in one_course


def test_a_teacher_sees_the_own_courses(app: APIFlask, session: Session, house: FullHouse) -> None:
    user = a_member(session, house.school, role="teacher")
    session.add(
        TeacherCourse(school_id=house.school.id, user_id=user.id, course_id=house.courses[0].id)
    )
    session.commit()

    page = signed_in(app, user).get("/app/inside?phones=1").text

    assert "Ana" in page
    assert "Carla" not in page
    assert "Ver teléfonos" not in page


def test_every_look_at_telephones_is_recorded(
    inspector: Person, session: Session, house: FullHouse
) -> None:
    phone = a_guardian(session, house.inside[0]).phone or "?"
    session.commit()

    assert phone not in inspector.get("/app/inside").text
    for looks in (1, 2):
        assert phone in inspector.get("/app/inside?phones=1").text
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "saw_phones"))
        assert [entry.detail for entry in entries] == [{"students": 3}] * looks


def test_who_may_not_see_the_child_is_not_called_and_who_may_collect_comes_first(
    session: Session, house: FullHouse
) -> None:
    ana = house.inside[0]
    uncle, mother, barred = (a_guardian(session, ana) for _ in range(3))
    links = {link.guardian_id: link for link in session.scalars(select(StudentGuardian))}
    links[uncle.id].may_collect = False
    links[barred.id].may_see = False
    session.flush()

    contacts = contacts_of(session, house.school.id, [ana.id])[ana.id]

    assert [contact.name for contact in contacts] == [mother.full_name, uncle.full_name]


def test_an_empty_building_says_so(
    app: APIFlask, session: Session, house: FullHouse, inspector: Person
) -> None:
    nobody = inspector.get("/app/inside?q=zzz").text

    assert "Nadie de quienes están dentro coincide" in nobody
