"""The inbox, the decision about missing students, and their list, as pages and over the API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from sqlalchemy import text
from sqlalchemy.orm import Session

from central.models import Course, Gate, School, Student
from central.no_shows.service import run_check
from central.no_shows.watch_service import survey
from central.tasks.service import NewTask, open_task
from tests.builders import a_course, a_device, a_gate, a_guardian, a_school, a_student
from tests.central.api import a_caller_as
from tests.central.missing import hear_from, told_kinds
from tests.central.pages import Person, a_member, signed_in
from tests.central.recording import SessionAs
from tests.central.test_board_page import zone_where_it_is_eight


@dataclass
class BadDay:
    """Two courses of 6 of a school whose only gate is silent; nobody has come. It is about 8:30."""

    school: School
    courses: list[Course]
    students: list[Student]
    gate: Gate
    task: int

    @property
    def path(self) -> str:
        return f"/app/tasks/{self.task}"


@pytest.fixture
def bad_day(session: Session, session_as: SessionAs) -> BadDay:
    now = datetime.now(UTC)
    school = a_school(session, timezone=zone_where_it_is_eight(now))
    began = (now.astimezone(ZoneInfo(school.timezone)) - timedelta(minutes=30)).time()
    courses = [a_course(session, school, starts_at=began.replace(microsecond=0)) for _ in range(2)]
    session.execute(
        text(
            "INSERT INTO course_schedules (school_id, course_id, weekday, starts_at, ends_at)"
            " SELECT school_id, course_id, day, starts_at, ends_at FROM course_schedules,"
            " generate_series(6, 7) day WHERE weekday = 1"
        )
    )
    students = [a_student(session, course) for course in courses for _ in range(6)]
    for student in students:
        a_guardian(session, student)
    gate = a_gate(session, school, name="Puerta <Norte>")
    device = a_device(session, gate).id
    hear_from(session, device, at=now - timedelta(minutes=40), since=now - timedelta(hours=2))
    session.execute(text("UPDATE devices SET online = false"))
    session.commit()
    scheduler = session_as("scheduler", school.id)
    (start,) = survey(scheduler, [school.id], now=now, grace=timedelta(minutes=15)).due
    checked = run_check(scheduler, start, now=now)
    scheduler.commit()
    assert checked is not None
    assert checked.task_id is not None
    return BadDay(school, courses, students, gate, checked.task_id)


@pytest.fixture
def inspector(session: Session, app: APIFlask, bad_day: BadDay) -> Person:
    return signed_in(app, a_member(session, bad_day.school, role="inspector"))


def test_the_top_bar_counts_and_the_inbox_says_why(inspector: Person, bad_day: BadDay) -> None:
    board, inbox = inspector.get("/app/board").text, inspector.get("/app/tasks").text

    assert re.search(r'class="bell-count"[^>]*>1<', board)
    assert "¿Avisar a las familias de quienes faltan?" in board  # among what needs attention
    assert "Puerta &lt;Norte&gt; no da noticias desde" in inbox
    assert bad_day.path in inbox


def test_the_number_of_families_is_said_before_confirming(
    inspector: Person, bad_day: BadDay
) -> None:
    page = inspector.get(bad_day.path).text
    one = inspector.get(f"{bad_day.path}/families?course={bad_day.courses[0].id}").text

    assert "Avisar a 12 apoderados" in page
    assert "Avisar a 6 apoderados" in one


def test_a_course_is_confirmed_and_the_other_dismissed(
    session: Session, inspector: Person, bad_day: BadDay
) -> None:
    first, second = (str(course.id) for course in bad_day.courses)
    decision = f"{bad_day.path}/decision"

    confirmed = inspector.post(decision, action="confirm", course=first)
    between = told_kinds(session)
    dismissed = inspector.post(decision, action="dismiss", course=second, note="Paseo")

    assert confirmed.status_code == dismissed.status_code == 303
    assert between == told_kinds(session) == ["absence"] * 6
    task = session.execute(text("SELECT state, note, decided_by FROM tasks")).one()
    assert (task.state, task.note) == ("done", "Paseo")
    assert task.decided_by is not None


def test_a_decision_that_comes_too_late_changes_nothing(
    session: Session, inspector: Person, bad_day: BadDay
) -> None:
    decision = f"{bad_day.path}/decision"
    inspector.post(decision, action="dismiss", all="1")

    again = inspector.post(decision, action="confirm", all="1")

    assert again.status_code == 303
    assert told_kinds(session) == []


def test_what_is_known_of_a_missing_student_is_noted(
    session: Session, inspector: Person, bad_day: BadDay
) -> None:
    student = bad_day.students[0]
    day = session.scalar(text("SELECT max(on_date) FROM no_shows"))
    base = f"/app/no-shows/{day}/{student.id}"

    inspector.post(f"{base}/owner")
    inspector.post(f"{base}/resolution", resolution="explained", note="Está en el médico")
    listed = inspector.get("/app/no-shows").text
    inspector.post(f"{bad_day.path}/decision", action="confirm", all="1")

    assert "Está en el médico" in listed
    assert "La familia lo explicó" in listed
    assert told_kinds(session).count("absence") == 11  # the family need not be told


def test_a_note_about_nobody_is_not_found(inspector: Person, bad_day: BadDay) -> None:
    answer = inspector.post("/app/no-shows/2026-01-01/1/resolution", resolution="explained")

    assert answer.status_code == 404
    assert inspector.post("/app/no-shows/never/1/owner").status_code == 404


def test_a_task_of_another_area_is_not_closed_here(
    session: Session, inspector: Person, bad_day: BadDay
) -> None:
    new = NewTask("absence_request", bad_day.students[0].enrolled_on, {"absence_request": 7})
    task = open_task(session, bad_day.school.id, new, now=datetime.now(UTC))
    session.commit()

    inspector.post(f"/app/tasks/{task}/decision", action="done")

    session.rollback()
    state = session.scalar(text("SELECT state FROM tasks WHERE id = :id"), {"id": task})
    assert state == "open"
    assert "/app/absences/7" in inspector.get("/app/tasks").text


@pytest.mark.parametrize("path", ["/app/tasks", "/app/tasks/count", "/app/tasks/1"])
def test_a_teacher_decides_nothing(
    session: Session, app: APIFlask, bad_day: BadDay, path: str
) -> None:
    teacher = signed_in(app, a_member(session, bad_day.school, role="teacher"))

    assert teacher.get(path).status_code == 403
    assert teacher.post(f"{bad_day.path}/decision", action="confirm").status_code == 403
    assert 'class="icon-button bell"' not in teacher.get("/app/board").text


def test_a_teacher_sees_nobody_of_other_courses(
    session: Session, app: APIFlask, bad_day: BadDay
) -> None:
    teacher = signed_in(app, a_member(session, bad_day.school, role="teacher"))

    page = teacher.get("/app/no-shows")

    assert page.status_code == 200
    assert "Rojas" not in page.text


@pytest.mark.parametrize("path", ["/app/no-shows", "/app/closings", "/app/tasks"])
@pytest.mark.parametrize("language", ["es", "en"])
def test_an_empty_school_has_these_pages_too(
    session: Session, app: APIFlask, path: str, language: str
) -> None:
    person = signed_in(app, a_member(session, a_school(session)))

    answer = person.get(path, Accept_Language=language)

    assert answer.status_code == 200
    assert "empty-state" in answer.text


def test_the_same_over_the_api(session: Session, app: APIFlask, bad_day: BadDay) -> None:
    caller = a_caller_as(app, session, bad_day.school, "inspector")
    day = str(session.scalar(text("SELECT max(on_date) FROM no_shows")))

    waiting: Any = caller.get("/tasks", state="open").json
    missing: Any = caller.get("/no-shows", date=day, course=bad_day.courses[0].id).json
    decided: Any = caller.post(
        f"/tasks/{bad_day.task}/decision", {"decision": "confirm", "note": "Llamé"}
    )
    again = caller.post(f"/tasks/{bad_day.task}/decision", {"decision": "dismiss"})
    noted: Any = caller.post(
        "/no-shows/resolutions",
        {"student": bad_day.students[0].id, "date": day, "resolution": "explained"},
    )

    assert [reason["code"] for reason in waiting["items"][0]["reasons"]][1] == "gate_offline"
    assert len(missing["items"]) == 6
    assert (decided.status_code, again.status_code) == (200, 409)
    assert decided.json["messages"] == 12
    assert decided.json["task"]["state"] == "done"
    assert noted.json["resolution"] == "explained"
