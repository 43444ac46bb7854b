"""The calendar at a browser: the year, an exception from its preview to its end, hours, terms."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.attendance import calendar_service
from central.attendance.models import AttendanceDay
from central.calendar.models import CalendarException, CourseSchedule, SchoolYear, Term
from central.calendar.planning_rules import NewException
from central.calendar.rules import Span
from central.notifications.models import Notification
from central.people.models import Course, Student
from central.schools.models import School
from tests.builders import a_course, a_guardian, a_school, a_student, a_user
from tests.central.desk import actions, rows_of
from tests.central.desk_pages import at_browser
from tests.central.pages import Person, a_member

TODAY = datetime.now(UTC).astimezone(ZoneInfo("America/Santiago")).date()
NEXT_TUESDAY = TODAY + timedelta(days=8 - TODAY.weekday())
LAST_TUESDAY = NEXT_TUESDAY - timedelta(days=14)
NEW, PREVIEW, CREATE = (f"/app/calendar/exceptions{end}" for end in ("/new", "/preview", ""))


class Planning:
    """A school with two courses of a student each, and who plans its year at a browser."""

    def __init__(self, app: APIFlask, session: Session) -> None:
        self.school: School = a_school(session)
        self.courses: list[Course] = [a_course(session, self.school) for _ in range(2)]
        for course in self.courses:
            course.year = TODAY.year
        self.students: list[Student] = [a_student(session, course) for course in self.courses]
        self.guardian = a_guardian(session, *self.students)
        mute = a_guardian(session, self.students[0])
        mute.phone = None
        people = [a_member(session, self.school, role=r) for r in ("director", "teacher")]
        self.user = people[0]
        self.director, self.teacher = (at_browser(app, session, person) for person in people)
        self.stranger = at_browser(app, session, a_member(session, a_school(session)))


@pytest.fixture
def planning(app: APIFlask, session: Session) -> Planning:
    return Planning(app, session)


def fields(on: date = NEXT_TUESDAY, **changes: str) -> dict[str, str]:
    values = {
        "kind": "suspension",
        "from": on.isoformat(),
        "to": on.isoformat(),
        "scope": "school",
        "reason": "Corte de agua",
    }
    return values | changes


def send(person: Person, path: str, values: dict[str, str]) -> TestResponse:
    return person.post(path, **values)


def the_exceptions(session: Session) -> list[CalendarException]:
    session.expire_all()
    return list(session.scalars(select(CalendarException).order_by(CalendarException.id)))


def number_before(word: str, page: str) -> int:
    found = re.search(rf"<dd>(\d+)</dd><dt>{word}", page)
    assert found, page
    return int(found.group(1))


def test_a_preview_says_whom_it_affects_and_changes_nothing(
    session: Session, planning: Planning
) -> None:
    page = send(planning.director, PREVIEW, fields(tell="1"))

    assert page.status_code == 200
    assert number_before("cursos", page.text) == 2
    assert number_before("estudiantes", page.text) == 2
    assert number_before("apoderado", page.text) == 1
    assert "Confirmar y enviar 2 mensajes" in page.text  # one for each child
    assert "1 apoderado no recibe" in page.text
    assert the_exceptions(session) == []
    assert rows_of(session, Notification) == 0


def test_confirming_puts_it_into_the_calendar_and_tells_whom_the_preview_named(
    session: Session, planning: Planning
) -> None:
    answer = send(planning.director, CREATE, fields(tell="1"))

    [made] = the_exceptions(session)
    assert answer.status_code == 303
    assert (made.kind, made.course_id, made.author_id) == ("suspension", None, planning.user.id)
    assert (made.told_messages, rows_of(session, Notification)) == (2, 2)
    assert actions(session) == ["added_exception", "told_exception"]
    page = planning.director.get(answer.location).text
    assert "Corte de agua" in page
    assert "2 mensajes" in page


def test_a_form_sent_twice_makes_one_exception(session: Session, planning: Planning) -> None:
    send(planning.director, CREATE, fields())

    again = send(planning.director, CREATE, fields())

    assert again.status_code == 409
    assert "ya está en el calendario" in again.text
    assert len(the_exceptions(session)) == 1


def test_nobody_is_told_unless_it_is_asked_and_may_be_told_later(
    session: Session, planning: Planning
) -> None:
    page = send(planning.director, CREATE, fields()).location
    assert rows_of(session, Notification) == 0

    for _ in range(2):
        planning.director.post(f"{page}/tell")

    assert rows_of(session, Notification) == 2
    assert the_exceptions(session)[0].told_messages == 2


def test_what_is_over_is_told_to_nobody(session: Session, planning: Planning) -> None:
    page = send(planning.director, CREATE, fields(LAST_TUESDAY, tell="1")).location

    planning.director.post(f"{page}/tell")

    assert rows_of(session, Notification) == 0
    assert "solo se les avisa de lo que está por venir" in planning.director.get(page).text


def test_some_courses_are_one_exception_to_people(session: Session, planning: Planning) -> None:
    a_course(session, planning.school).year = TODAY.year
    session.commit()
    chosen = {"scope": "courses", "kind": "early_leave", "ends_at": "12:00", "starts_at": "09:00"}
    courses = [course.id for course in planning.courses]
    token = planning.director.form_token()

    answer = planning.director.client.post(
        CREATE, data={**fields(), **chosen, "courses": courses, "csrf_token": token}
    )

    rows = the_exceptions(session)
    assert [row.course_id for row in rows] == courses
    assert {(row.starts_at, row.ends_at) for row in rows} == {(None, time(12))}
    page = planning.director.get("/app/calendar").text
    assert page.count("Corte de agua</td>") == 1
    planning.director.post(f"{answer.location}/cancel")
    assert all(row.cancelled_at for row in the_exceptions(session))


def test_taking_it_back_shows_what_that_does_and_can_be_undone(
    session: Session, planning: Planning
) -> None:
    page = send(planning.director, CREATE, fields(tell="1")).location

    before = planning.director.get(f"{page}/cancel").text
    planning.director.post(f"{page}/cancel")
    restored = planning.director.post(f"{page}/restore").location

    assert number_before("estudiantes", before) == 2
    assert "Se enviaron 2 mensajes sobre ella" in before
    cancelled, made = the_exceptions(session)
    assert (cancelled.cancelled_by, made.cancelled_at) == (planning.user.id, None)
    assert restored.endswith(f"/{made.id}")
    assert planning.director.get(f"{page}/cancel").status_code == 303  # nothing to take back


def test_days_already_there_are_counted_and_concluded_anew(
    session: Session, planning: Planning
) -> None:
    for student in planning.students:
        session.add(
            AttendanceDay(
                school_id=planning.school.id,
                student_id=student.id,
                on_date=LAST_TUESDAY,
                status="absent",
                inside=False,
                passages=0,
                confidence="sure",
            )
        )
    session.commit()

    page = send(planning.director, PREVIEW, fields(LAST_TUESDAY)).text
    send(planning.director, CREATE, fields(LAST_TUESDAY))

    assert "Se recalculan 2 días ya registrados" in page
    assert rows_of(session, AttendanceDay) == 0  # nobody came, and nobody was expected


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": "party"}, "Falta algo"),
        ({"reason": "  "}, "Di el motivo"),
        ({"to": "2020-01-01"}, "Revisa las fechas"),
        ({"from": "tomorrow"}, "Falta algo"),
        ({"kind": "early_leave"}, "Di a qué hora terminan"),
        ({"kind": "hours", "starts_at": "9 o'clock"}, "Revisa las horas"),
        ({"kind": "hours", "starts_at": "12:00", "ends_at": "08:00"}, "Revisa las horas"),
        ({"scope": "courses"}, "Elige al menos un curso"),
        ({"kind": "recovery", "from": "2026-08-22", "to": "2026-08-22"}, "Ningún curso tiene"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(
    session: Session, planning: Planning, wrong: dict[str, str], words: str
) -> None:
    for path in (PREVIEW, CREATE):
        answer = send(planning.director, path, fields() | wrong)

        assert answer.status_code == 409
        assert words in answer.text
        assert wrong.get("reason", "Corte de agua") in answer.text
    assert the_exceptions(session) == []


def test_a_course_of_another_school_is_not_there(session: Session, planning: Planning) -> None:
    elsewhere = a_course(session, a_school(session))
    session.commit()

    asked = fields(scope="courses", courses=str(elsewhere.id))

    assert send(planning.director, PREVIEW, asked).status_code == 409
    assert send(planning.director, CREATE, asked).status_code == 404
    assert the_exceptions(session) == []


def test_everybody_who_sees_attendance_sees_the_calendar_and_few_change_it(
    session: Session, planning: Planning
) -> None:
    page = send(planning.director, CREATE, fields()).location
    day = f"/app/calendar/days/{NEXT_TUESDAY}"

    for path in ("/app/calendar", "/app/calendar/hours", "/app/calendar/years", day, page):
        seen = planning.teacher.get(path)
        assert seen.status_code == 200
        assert "Nueva excepción" not in seen.text
        assert "/cancel" not in seen.text
    for path in (NEW, f"{page}/cancel", "/app/calendar/hours/edit", "/app/calendar/years/edit"):
        assert planning.teacher.get(path).status_code == 403
    for path in (PREVIEW, CREATE, f"{page}/cancel", f"{page}/tell", "/app/calendar/hours"):
        assert send(planning.teacher, path, fields()).status_code == 403
    assert planning.stranger.get(page).status_code == 404
    assert planning.stranger.post(f"{page}/cancel").status_code == 404


def test_the_year_marks_each_date_and_a_day_says_why(session: Session, planning: Planning) -> None:
    new = NewException(
        "no_class", Span(NEXT_TUESDAY, NEXT_TUESDAY), "Museo", (planning.courses[0].id,)
    )
    author = a_user(session).id
    calendar_service.add_exception(session, planning.school.id, new, author, now=datetime.now(UTC))
    session.commit()

    year = planning.director.get(f"/app/calendar?year={NEXT_TUESDAY.year}").text
    day = planning.director.get(f"/app/calendar/days/{NEXT_TUESDAY}").text

    assert re.search(rf'day-no_class" href="/app/calendar/days/{NEXT_TUESDAY}"', year)
    assert "Sin clases, algunos cursos: Museo" in year
    assert year.count("<caption>") == 12
    assert f"<dt>Sin clases</dt><dd>{planning.courses[0].name}</dd>" in day
    assert f"<dt>8:00–15:30</dt><dd>{planning.courses[1].name}</dd>" in day


@pytest.mark.parametrize(
    "path",
    [
        "/app/calendar?year=9999999999&show=x",
        "/app/calendar?year=1999",
        "/app/calendar?year=2027&show=cancelled",
        f"{NEW}?date=9999-99-99&kind=x",
        "/app/calendar/years/edit?year=x",
    ],
)
def test_any_address_gives_a_page(planning: Planning, path: str) -> None:
    assert planning.director.get(path).status_code == 200


@pytest.mark.parametrize("on_date", ["2026-02-30", "today", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_not_there(planning: Planning, on_date: str) -> None:
    assert planning.director.get(f"/app/calendar/days/{on_date}").status_code == 404


def week(planning: Planning, **changes: str) -> dict[str, str]:
    values = {"valid_from": NEXT_TUESDAY.isoformat(), "courses": str(planning.courses[0].id)}
    for weekday in range(1, 6):
        values |= {f"in{weekday}": "09:00", f"out{weekday}": "14:00", f"tolerance{weekday}": "10"}
    return values | changes


def test_weekly_hours_change_from_a_date_on_for_the_courses_ticked(
    session: Session, planning: Planning
) -> None:
    shown = send(planning.director, "/app/calendar/hours/preview", week(planning)).text
    answer = send(planning.director, "/app/calendar/hours", week(planning))

    assert number_before("curso", shown) == 1
    assert "lunes a viernes" in shown
    assert answer.status_code == 303
    rows = session.scalars(
        select(CourseSchedule).where(CourseSchedule.from_on == NEXT_TUESDAY)
    ).all()
    assert {row.course_id for row in rows} == {planning.courses[0].id}
    assert {(row.starts_at, row.ends_at, row.tolerance_minutes) for row in rows} == {
        (time(9), time(14), 10)
    }
    page = planning.director.get("/app/calendar/hours").text
    assert page.count("8:00–15:30") == 2  # now they still hold for both, in two groups
    assert page.count("9:00–14:00") == 1


def test_one_weekday_is_copied_to_those_below(planning: Planning) -> None:
    values = week(planning, in2="07:30", out2="12:30", copy="2")

    page = send(planning.director, "/app/calendar/hours/edit", values).text

    assert page.count('value="07:30"') == page.count('value="12:30"') == 4
    assert page.count('value="09:00"') == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"courses": ""}, "Falta algo"),
        ({"valid_from": "2020-01-01"}, "hace más de dos meses"),
        ({"out3": ""}, "Di a qué hora terminan"),
        ({"in3": "15:00"}, "Revisa las horas"),
        ({"tolerance3": "500"}, "de 0 a 120"),
        ({"tolerance3": "x"}, "Falta algo"),
    ],
)
def test_hours_that_cannot_be_are_refused(
    session: Session, planning: Planning, wrong: dict[str, str], words: str
) -> None:
    for end in ("/preview", ""):
        answer = send(planning.director, f"/app/calendar/hours{end}", week(planning, **wrong))

        assert answer.status_code == 409
        assert words in answer.text
    assert session.scalars(select(CourseSchedule.from_on).distinct()).all() == [date(1900, 1, 1)]


def year(**changes: str) -> dict[str, str]:
    values = {
        "year": "2026",
        "from": "2026-03-04",
        "to": "2026-12-18",
        "name1": "Primer semestre",
        "first1": "2026-03-04",
        "last1": "2026-06-19",
        "name2": "Segundo semestre",
        "first2": "2026-07-06",
        "last2": "2026-12-18",
    }
    return values | changes


def test_a_year_and_its_terms_are_told_and_told_anew(session: Session, planning: Planning) -> None:
    shown = send(planning.director, "/app/calendar/years/preview", year())
    send(planning.director, "/app/calendar/years", year())
    send(planning.director, "/app/calendar/years", year(to="2026-12-11", last2="2026-12-11"))

    assert "días de clases menos" in shown.text
    [told] = session.scalars(select(SchoolYear)).all()
    assert told.ends_on == date(2026, 12, 11)
    assert len(session.scalars(select(Term)).all()) == 2
    page = planning.director.get("/app/calendar/years").text
    assert "Segundo semestre" in page
    assert actions(session) == ["set_school_year", "set_school_year"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"to": "2026-01-01"}, "Revisa las fechas"),
        ({"name1": ""}, "Revisa los períodos"),
        ({"first2": "2026-06-01"}, "Revisa los períodos"),
        ({"last2": ""}, "Revisa los períodos"),
        ({"year": ""}, "Falta algo"),
    ],
)
def test_a_year_that_cannot_be_is_refused(
    session: Session, planning: Planning, wrong: dict[str, str], words: str
) -> None:
    for end in ("/preview", ""):
        answer = send(planning.director, f"/app/calendar/years{end}", year(**wrong))

        assert answer.status_code == 409
        assert words in answer.text
    assert rows_of(session, SchoolYear) == 0


def test_years_may_not_overlap(session: Session, planning: Planning) -> None:
    send(planning.director, "/app/calendar/years", year())
    other = {"year": "2027", "from": "2026-12-01", "to": "2027-06-30"}

    assert "se cruzan" in send(planning.director, "/app/calendar/years/preview", other).text
    assert send(planning.director, "/app/calendar/years", other).status_code == 409


def test_an_empty_school_is_told_what_to_do(app: APIFlask, session: Session) -> None:
    director = at_browser(app, session, a_member(session, a_school(session)))

    assert "Aún no hay cursos" in director.get("/app/calendar").text
    assert "Aún no hay cursos" in director.get("/app/calendar/hours").text
    assert "Aún no hay ningún año escolar" in director.get("/app/calendar/years").text
