"""The evacuation's pages as a browser without scripts sees them, and what phones send."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import AuditEntry
from central.evacuation.models import Evacuation, EvacuationMark
from tests.builders import a_guardian
from tests.central.evacuations import FullHouse, a_full_house
from tests.central.pages import Person, a_member, signed_in


@pytest.fixture
def house(session: Session) -> FullHouse:
    return a_full_house(session)


@pytest.fixture
def inspector(app: APIFlask, session: Session, house: FullHouse) -> Person:
    return signed_in(app, a_member(session, house.school, role="inspector"))


@pytest.fixture
def teacher(app: APIFlask, session: Session, house: FullHouse) -> Person:
    return signed_in(app, a_member(session, house.school, role="teacher"))


def begun(person: Person, kind: str = "real") -> str:
    answer = person.post("/app/evacuations", kind=kind)
    assert answer.status_code == 303
    return str(answer.location)


def send(person: Person, path: str, *marks: dict[str, Any]) -> Any:
    answer = person.client.post(
        f"{path}/marks", json={"marks": marks}, headers={"X-CSRFToken": person.form_token()}
    )
    assert answer.status_code == 200, answer.text
    return answer.json


def a_sent_mark(student_id: int, state: str = "safe", age_ms: int = 0) -> dict[str, Any]:
    return {"key": str(uuid4()), "student": student_id, "state": state, "age_ms": age_ms}


def test_an_inspector_begins_and_every_page_of_the_staff_points_to_the_list(
    inspector: Person, teacher: Person
) -> None:
    path = begun(inspector)

    assert "Ana" in teacher.get(path).text  # although she is of no course of this teacher
    assert f'href="{path}"' in teacher.get("/app/sessions").text


def test_a_teacher_marks_but_does_not_begin_end_or_assign(
    inspector: Person, teacher: Person, house: FullHouse
) -> None:
    assert teacher.post("/app/evacuations", kind="real").status_code == 403
    path = begun(inspector)

    assert teacher.post(f"{path}/marks", mark=f"{house.inside[0].id}:safe").status_code == 303
    assert teacher.post(f"{path}/end").status_code == 403
    assert teacher.post(f"{path}/staff", course=str(house.courses[0].id)).status_code == 403


def test_a_technician_sees_nothing_of_it(
    app: APIFlask, session: Session, house: FullHouse, inspector: Person
) -> None:
    path = begun(inspector)
    technician = signed_in(app, a_member(session, house.school, role="technician"))

    assert technician.get(path).status_code == 403
    assert path not in technician.get("/app/sessions").text


def test_beginning_twice_leads_to_the_same_list(
    inspector: Person, session: Session, house: FullHouse
) -> None:
    assert begun(inspector, "real") == begun(inspector, "drill")
    assert session.scalars(select(Evacuation.kind)).all() == ["real"]


def test_phones_send_marks_again_and_again_and_see_each_others(
    inspector: Person, teacher: Person, house: FullHouse
) -> None:
    path = begun(inspector)
    ana, benja = (student.id for student in house.inside[:2])
    mine, yours = a_sent_mark(ana), a_sent_mark(benja, "missing")

    for _ in range(2):
        assert send(inspector, path, mine)["kept"] == [mine["key"]]
    send(teacher, path, yours)

    people = inspector.get(f"{path}/state").json["people"]  # type: ignore[index]
    assert people[str(ana)][0] == "safe"
    assert people[str(benja)][0] == "missing"


def test_what_is_no_mark_is_passed_over(
    inspector: Person, house: FullHouse, session: Session
) -> None:
    path = begun(inspector)
    ana = house.inside[0].id

    answer = send(
        inspector,
        path,
        {**a_sent_mark(ana), "state": "fine"},
        {**a_sent_mark(ana), "key": "not a key"},
        {**a_sent_mark(ana), "age_ms": "long"},
        {**a_sent_mark(-1)},
        {},
    )

    assert answer == {"kept": [], "refused": []}
    assert session.scalars(select(EvacuationMark)).all() == []


def test_marks_need_the_token_of_the_page(inspector: Person, house: FullHouse) -> None:
    path = begun(inspector)

    answer = inspector.client.post(f"{path}/marks", json={"marks": []})

    assert answer.status_code == 400


def test_the_end_turns_the_list_into_a_report(inspector: Person, house: FullHouse) -> None:
    path = begun(inspector, "drill")
    send(inspector, path, *(a_sent_mark(student.id) for student in house.inside))

    inspector.post(f"{path}/end", note="Salida por calle Lautaro")

    report = inspector.get(path).text
    assert "Todos estaban a salvo" in report
    assert "Salida por calle Lautaro" in report
    assert "data-mark" not in report
    assert path in inspector.get("/app/evacuations").text
    assert inspector.get(f"{path}/state").json["ended"] is True  # type: ignore[index]


def test_a_child_whom_the_gates_did_not_see_is_added(inspector: Person, house: FullHouse) -> None:
    path = begun(inspector)

    found = inspector.get(f"{path}?find=diego").text
    inspector.post(f"{path}/students", student=str(house.gone.id))

    assert f'value="{house.gone.id}"' in found
    assert f'data-student="{house.gone.id}"' in inspector.get(path).text


def test_telephones_are_shown_on_demand_to_whom_they_are_for_and_every_look_is_recorded(
    inspector: Person, teacher: Person, house: FullHouse, session: Session
) -> None:
    guardian = a_guardian(session, house.inside[0])
    session.commit()
    path = begun(inspector)
    phone = guardian.phone or "?"

    assert phone not in inspector.get(path).text
    assert phone not in teacher.get(f"{path}?phones=1").text
    assert phone in inspector.get(f"{path}?phones=1").text

    looks = session.scalars(select(AuditEntry).where(AuditEntry.action == "saw_phones")).all()
    assert [(look.subject, look.detail) for look in looks] == [
        (f"evacuation:{path.rpartition('/')[2]}", {"students": 3})
    ]
