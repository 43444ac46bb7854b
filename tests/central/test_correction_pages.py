"""One student's day at a browser, and the corrections that are made there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.attendance.manual_models import ManualEntry
from central.attendance.models import DayCorrection, Tap
from central.people.models import TeacherCourse
from central.settings import Settings
from tests.builders import a_course, a_school, a_student
from tests.central.desk import rows_of
from tests.central.desk_pages import Office, an_office, at_browser, close_today
from tests.central.pages import Person, a_member


@pytest.fixture
def office(settings: Settings, session: Session, tmp_path: Path) -> Iterator[Office]:
    with an_office(settings, session, tmp_path) as office:
        yield office


def enter(office: Office, at: str = "00:00", **changes: str) -> TestResponse:
    fields = {
        "request_key": str(uuid4()),
        "date": office.today,
        "direction": "in",
        "at": at,
        "reason": "Olvidó la tarjeta",
    }
    path = f"/app/corrections/students/{office.student.id}/passages"
    return office.inspector.post(path, **(fields | changes))


def correct(office: Office, person: Person | None = None, **changes: str) -> TestResponse:
    fields = {"date": office.today, "status": "present", "reason": "Estaba en la biblioteca"}
    path = f"/app/corrections/students/{office.student.id}/statuses"
    return (person or office.inspector).post(path, **(fields | changes))


def test_an_entry_by_hand_is_told_with_its_source_reason_and_author(office: Office) -> None:
    answer = enter(office)

    page = office.inspector.get(answer.location).text
    assert "Entrada" in page
    assert "Inspectoría" in page
    assert "Olvidó la tarjeta" in page


def test_a_passage_can_be_left_out(session: Session, office: Office) -> None:
    enter(office)
    tap = session.scalars(select(Tap)).one()

    office.inspector.post(
        f"/app/corrections/students/{office.student.id}/ignored-taps",
        date=office.today,
        stream=str(tap.stream_id),
        seq=str(tap.seq),
        reason="Era su hermana",
    )

    page = office.inspector.get(office.day).text
    assert "No cuenta" in page
    assert "Era su hermana" in page
    assert rows_of(session, Tap) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"at": "25:00"},
        {"at": ""},
        {"reason": "  "},
        {"direction": "up"},
        {"request_key": "x"},
        {"at": "23:59", "date": "2999-01-01"},
    ],
)
def test_a_form_that_makes_no_sense_changes_nothing(
    session: Session, office: Office, changes: dict[str, str]
) -> None:
    answer = enter(office, **changes)

    assert answer.status_code == 303
    assert rows_of(session, ManualEntry) == 0


def test_what_went_wrong_is_said_on_the_page(office: Office) -> None:
    correct(office, status="late")

    page = office.inspector.get(office.day).text

    assert "message-wrong" in page
    assert "de 1 a 600" in page


def test_a_closed_day_shows_the_proposal_to_the_second_person(
    session: Session, office: Office
) -> None:
    close_today(session, office)
    correct(office)
    number = session.scalars(select(DayCorrection.id)).one()
    own = office.inspector.get("/app/corrections").text
    others = office.director.get("/app/corrections").text

    assert f"/app/corrections/correction/{number}/decision" not in own
    assert "Otra persona debe confirmar" in own
    assert f"/app/corrections/correction/{number}/decision" in others


def test_the_inbox_says_whom_each_task_is_about(session: Session, office: Office) -> None:
    close_today(session, office)
    correct(office)
    enter(office)
    form = {"student": str(office.student.id), "from": office.today, "to": office.today}
    office.inspector.post("/app/absences/new", **form, kind="absence", reason="illness")

    inbox = office.director.get("/app/tasks").text

    about = f"{office.student.family_names}, {office.student.given_names} ·"
    assert inbox.count(about) == 3


def test_the_second_person_decides_and_it_is_shown(session: Session, office: Office) -> None:
    close_today(session, office)
    correct(office)
    enter(office)
    number = session.scalars(select(DayCorrection.id)).one()
    entry = session.scalars(select(ManualEntry.id)).one()

    office.inspector.post(f"/app/corrections/correction/{number}/decision", state="approved")
    session.expire_all()
    assert session.scalars(select(DayCorrection.state)).one() == "proposed"
    for what, identity in (("correction", number), ("entry", entry)):
        office.director.post(
            f"/app/corrections/{what}/{identity}/decision", state="approved", note="Lo confirmo"
        )

    session.expire_all()
    assert session.scalars(select(DayCorrection.state)).one() == "approved"
    assert session.scalars(select(ManualEntry.state)).one() == "approved"
    assert "Lo confirmo" in office.inspector.get(office.day).text


def test_a_teacher_sees_the_day_of_the_own_student_without_reasons(
    session: Session, office: Office
) -> None:
    teacher = a_member(session, office.school, role="teacher")
    session.add(
        TeacherCourse(
            school_id=office.school.id, user_id=teacher.id, course_id=office.student.course_id
        )
    )
    session.commit()
    enter(office)
    own = at_browser(office.inspector.client.application, session, teacher)

    page = own.get(office.day).text

    assert "Entrada" in page
    assert "Olvidó la tarjeta" not in page
    assert "/passages" not in page
    assert office.teacher.get(office.day).status_code == 404
    assert correct(office, own).status_code == 403


def test_only_days_that_have_been_are_pages(session: Session, office: Office) -> None:
    tomorrow = date.fromisoformat(office.today) + timedelta(days=2)
    stranger = a_student(session, a_course(session, a_school(session)))
    session.commit()
    student = f"/app/students/{office.student.id}"

    assert office.inspector.get(student).location == office.day
    for path in (
        f"{student}/days/{tomorrow}",
        f"{student}/days/yesterday",
        f"/app/students/{stranger.id}/days/{office.today}",
    ):
        assert office.inspector.get(path).status_code == 404


def test_the_day_is_linked_from_search_and_lists(office: Office) -> None:
    link = f'href="/app/students/{office.student.id}"'

    assert link in office.inspector.get("/app/search?q=rojas", HX_Request="true").text
    assert link in office.inspector.get("/app/board/students").text
