"""The board and its list as pages, without JavaScript."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.attendance.models import Tap
from central.people.models import Course, Student, TeacherCourse
from central.schools.models import School
from central.web.board_curve import SIZES
from tests.builders import a_course, a_device, a_gate, a_school, a_student, a_tap
from tests.central.pages import Person, a_member, signed_in
from tests.central.recording import SessionAs, record, sent

ROW = re.compile(r'<li( hidden)? class="sighting" id="t-([^"]+)"')


@dataclass
class Morning:
    """A school in a zone where it is now about 8:00, so that today's taps are really today's."""

    school: School
    courses: tuple[Course, Course]
    students: list[Student]
    device: str
    now: datetime


def zone_where_it_is_eight(now: datetime) -> str:
    ahead = (8 - now.hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"  # POSIX signs: GMT-3 is ahead of UTC


@pytest.fixture
def morning(session: Session, session_as: SessionAs) -> Morning:
    now = datetime.now(UTC)
    school = a_school(session, timezone=zone_where_it_is_eight(now))
    courses = (a_course(session, school), a_course(session, school))
    names = ("Sofía", "Íñigo", "Ana")
    students = [
        a_student(session, courses[number % 2], card=number, given=name)
        for number, name in enumerate(names)
    ]
    device = a_device(session, a_gate(session, school, name="Puerta <Norte>")).id
    session.commit()
    return Morning(school, courses, students, device, now)


@pytest.fixture
def director(session: Session, app: APIFlask, morning: Morning) -> Person:
    return signed_in(app, a_member(session, morning.school))


def come(session_as: SessionAs, morning: Morning, *cards: object, first_seq: int = 1) -> None:
    taps = [
        a_tap(first_seq + number, card=card, at=morning.now - timedelta(seconds=90 - number))
        for number, card in enumerate(cards)
    ]
    ingest = session_as("ingest", morning.school.id)
    record(ingest, sent(morning.device, *taps), now=morning.now)


def shown(answer: TestResponse) -> list[str]:
    return [key for hidden, key in ROW.findall(answer.text) if not hidden]


def test_the_board_shows_figures_and_everybody_who_came(
    session_as: SessionAs, morning: Morning, director: Person
) -> None:
    come(session_as, morning, 0, 1, "stranger")

    board = director.get("/app/board")

    assert board.status_code == 200
    assert '<span class="number" data-figure="inside">2</span>' in board.text
    assert '<span class="number" data-figure="missing">1</span>' in board.text
    assert "Sofía Rojas Muñoz" in board.text
    assert "Tarjeta desconocida" in board.text
    assert "Puerta &lt;Norte&gt;" in board.text
    assert len(shown(board)) == 3
    assert "style=" not in board.text
    assert board.text.count('<svg class="curve') == len(SIZES)


def test_without_history_the_board_says_so_instead_of_inventing(
    session_as: SessionAs, morning: Morning, director: Person
) -> None:
    come(session_as, morning, 0)

    text = director.get("/app/board").text

    assert "anterior con el que comparar" in text
    assert ">usual" not in text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 4),
        ("kind=entry", 3),
        ("kind=exit", 0),
        ("kind=nobody", 1),
        ("q=INIGO", 1),
        ("q=rojas+ana", 1),
        ("kind=nonsense&course=nonsense", 4),
    ],
)
def test_filters_in_the_address_hide_rows_but_keep_them_for_the_script(
    session_as: SessionAs, morning: Morning, director: Person, query: str, count: int
) -> None:
    come(session_as, morning, 0, 1, 2, "stranger")

    board = director.get(f"/app/board?{query}")

    assert len(shown(board)) == count
    assert len(ROW.findall(board.text)) == 4


def test_a_course_in_the_address_hides_the_others(
    session_as: SessionAs, morning: Morning, director: Person
) -> None:
    come(session_as, morning, 0, 1, 2)
    course = morning.courses[1]

    board = director.get(f"/app/board?course={course.id}&kind=entry")

    assert len(shown(board)) == 1
    assert '<span class="chip-count" data-count="">1</span>' in board.text
    assert (
        f'<span id="course-chosen" data-all="Todos los cursos">{course.name}</span>' in board.text
    )


def test_a_page_that_polls_gets_what_came_since_its_cursor(
    session: Session, session_as: SessionAs, morning: Morning, director: Person
) -> None:
    come(session_as, morning, 0)
    session.query(Tap).update({Tap.received_at: morning.now - timedelta(minutes=5)})
    session.commit()
    come(session_as, morning, 1, first_seq=2)
    page = director.get("/app/board").text
    found = re.search(r'data-cursor="(\d+)"', page)
    assert found

    update = json.loads(director.get(f"/app/board/arrivals?after={found[1]}").text)

    assert list(update["groups"]) == [f"s{morning.students[1].id}"]
    courses = {f"course-{course.id}" for course in morning.courses}
    assert set(update["parts"]) == {"figures", "attention", "curve"} | courses
    assert update["cursor"] == int(found[1])
    assert "Íñigo" in update["groups"][f"s{morning.students[1].id}"][0]


def test_a_teacher_sees_their_own_courses_only(
    session: Session, app: APIFlask, session_as: SessionAs, morning: Morning
) -> None:
    teacher = a_member(session, morning.school, role="teacher")
    own = morning.courses[1]
    session.add(TeacherCourse(school_id=own.school_id, user_id=teacher.id, course_id=own.id))
    session.commit()
    come(session_as, morning, 0, 1, "stranger")

    person = signed_in(app, teacher)
    pages = [person.get(path).text for path in ("/app/board", "/app/board/students")]
    update = json.loads(person.get("/app/board/arrivals").text)

    for page in pages:
        assert "Íñigo" in page
        assert "Sofía" not in page
        assert morning.courses[0].name not in page
    assert list(update["groups"]) == [f"s{morning.students[1].id}"]
    assert "Tarjeta desconocida" not in pages[0]


def test_a_teacher_without_courses_is_told_what_to_do(
    session: Session, app: APIFlask, morning: Morning
) -> None:
    person = signed_in(app, a_member(session, morning.school, role="teacher"))

    assert "No tienes cursos asignados" in person.get("/app/board").text


def test_the_board_of_one_school_never_shows_another(
    session: Session, app: APIFlask, session_as: SessionAs, morning: Morning
) -> None:
    come(session_as, morning, 0, 1, 2)
    other = a_school(session)
    a_student(session, a_course(session, other), given="Ajena")
    stranger = signed_in(app, a_member(session, other))

    board, students = (stranger.get(path).text for path in ("/app/board", "/app/board/students"))
    update = json.loads(stranger.get("/app/board/arrivals?after=0").text)

    assert ROW.findall(board) == []
    assert "Ajena" in students
    assert "Rojas" in students  # the builder's family name: her own
    assert "Sofía" not in board + students
    assert update["groups"] == {}


@pytest.mark.parametrize("path", ["/app/board", "/app/board/students", "/app/board/arrivals"])
def test_the_board_is_for_those_who_may_see_attendance(
    session: Session, app: APIFlask, morning: Morning, path: str
) -> None:
    technician = signed_in(app, a_member(session, morning.school, role="technician"))

    assert technician.get(path).status_code == 403
    assert Person(app).get(path).status_code == 303


def test_the_list_behind_a_figure_shows_exactly_those(
    session_as: SessionAs, morning: Morning, director: Person
) -> None:
    come(session_as, morning, 0)

    missing = director.get("/app/board/students?state=missing").text
    inside = director.get("/app/board/students?state=inside").text
    searched = director.get("/app/board/students?q=inigo").text

    assert "Íñigo" in missing
    assert "Sofía" not in missing
    assert "Sofía" in inside
    assert "Íñigo" not in inside
    assert "Ana" not in searched


def test_an_empty_school_says_how_it_gets_filled(session: Session, app: APIFlask) -> None:
    school = a_school(session)
    director = signed_in(app, a_member(session, school))

    assert "Aún no hay estudiantes" in director.get("/app/board").text
    assert "Nadie aquí" in director.get("/app/board/students").text


def test_the_search_field_finds_students_with_their_state(
    session: Session, app: APIFlask, session_as: SessionAs, morning: Morning, director: Person
) -> None:
    come(session_as, morning, 0)
    technician = signed_in(app, a_member(session, morning.school, role="technician"))

    fragment = director.get("/app/search?q=sofia", HX_Request="true").text
    page = director.get("/app/search?q=sofia").text
    without_state = technician.get("/app/search?q=sofia").text
    nobody = director.get("/app/search?q=<b>", HX_Request="true").text

    assert "Dentro desde" in fragment
    assert "<html" not in fragment
    assert "<html" in page
    assert "Sofía" in without_state
    assert "Dentro" not in without_state
    assert "Nadie se llama «&lt;b&gt;»" in nobody
    assert director.get("/app/search?q=", HX_Request="true").text.strip() == ""
