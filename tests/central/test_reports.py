"""Attendance over a time: bands, sums by student and course, and the pages and file of it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import AuditEntry
from central.attendance.models import AttendanceDay, DayClosing
from central.people.models import Enrolment, Student, TeacherCourse
from central.reports.queries import Period, attendance_by_day, attendance_report
from central.reports.rules import Tally, bands_of, sum_of
from tests.builders import a_course, a_school, a_student
from tests.central.pages import a_member, signed_in

TODAY = datetime.now(UTC).astimezone(ZoneInfo("America/Santiago")).date()
DAYS = [TODAY - timedelta(days=back) for back in range(10, 0, -1)]
PERIOD = Period(DAYS[0], TODAY)


@pytest.mark.parametrize(
    ("attended", "missed", "band", "percent"),
    [
        (100, 0, "normal", 100.0),
        (97, 3, "normal", 97.0),
        (9696, 304, "at_risk", 97.0),  # rounds up on the page, but is below 97
        (90, 10, "at_risk", 90.0),
        (899, 101, "chronic", 89.9),
        (85, 15, "chronic", 85.0),
        (849, 151, "severe", 84.9),
        (0, 1, "severe", 0.0),
        (0, 0, None, None),
    ],
)
def test_bands_go_by_the_exact_share(
    attended: int, missed: int, band: str | None, percent: float | None
) -> None:
    tally = Tally(attended=attended, absent=missed)

    assert (tally.band, tally.percent) == (band, percent)


def test_an_excused_absence_is_an_absence() -> None:
    assert Tally(attended=9, justified=1).percent == 90.0


def test_sums_and_bands_of_many() -> None:
    tallies = [Tally(attended=10), Tally(attended=8, absent=2, late=1), Tally()]

    assert sum_of(tallies) == Tally(attended=18, absent=2, late=1)
    assert bands_of(tallies) == {"normal": 1, "at_risk": 0, "chronic": 0, "severe": 1}


def attends(session: Session, student: Student, statuses: str, days: list[date]) -> None:
    """One letter a day: present, late, absent, justified, Early leave, no class, ? no data."""
    names = {
        "p": "present",
        "l": "late",
        "a": "absent",
        "j": "justified",
        "e": "left_early",
        "n": "no_class",
        "?": "no_data",
    }
    session.add_all(
        AttendanceDay(
            school_id=student.school_id,
            student_id=student.id,
            on_date=day,
            status=names[letter],
            inside=False,
            passages=0,
            confidence="sure",
        )
        for letter, day in zip(statuses, days, strict=True)
    )


def close(session: Session, school_id: int, days: list[date]) -> None:
    session.add_all(DayClosing(school_id=school_id, on_date=day) for day in days)
    session.commit()


def test_each_status_counts_as_it_should_and_open_days_not_at_all(session: Session) -> None:
    student = a_student(session, a_course(session, a_school(session)))
    attends(session, student, "plajen?pa", DAYS[:9])
    close(session, student.school_id, DAYS[:8])

    report = attendance_report(session, student.school_id, PERIOD)

    assert [one.tally for one in report.students] == [Tally(4, late=1, absent=1, justified=1)]
    assert report.total == report.students[0].tally
    assert (report.closed_days, report.open_days) == (8, 1)


def test_a_course_keeps_the_days_of_a_student_who_moved_on(session: Session) -> None:
    school = a_school(session)
    before, after = a_course(session, school), a_course(session, school)
    mover, stayer = a_student(session, before), a_student(session, before)
    attends(session, mover, "aapp", DAYS[:4])
    attends(session, stayer, "pppp", DAYS[:4])
    first = session.scalars(select(Enrolment).where(Enrolment.student_id == mover.id)).one()
    first.from_on, first.until_on = DAYS[0], DAYS[1]
    session.flush()
    session.add(
        Enrolment(school_id=school.id, student_id=mover.id, course_id=after.id, from_on=DAYS[2])
    )
    mover.course_id = after.id
    close(session, school.id, DAYS[:4])

    report = attendance_report(session, school.id, PERIOD)

    assert {one.id: one.tally for one in report.courses} == {
        before.id: Tally(attended=4, absent=2),
        after.id: Tally(attended=2),
    }
    assert {one.id: one.tally for one in report.students}[mover.id] == Tally(attended=2, absent=2)


def test_days_come_in_order_without_those_of_no_class(session: Session) -> None:
    student = a_student(session, a_course(session, a_school(session)))
    attends(session, student, "pna", DAYS[:3])
    close(session, student.school_id, DAYS[:3])

    days = attendance_by_day(session, student.school_id, PERIOD)

    assert [(day.on_date, day.tally.percent) for day in days] == [(DAYS[0], 100.0), (DAYS[2], 0.0)]


def test_the_page_lists_by_band_and_course_and_the_file_runs_no_formula(
    app: APIFlask, session: Session
) -> None:
    school = a_school(session)
    course = a_course(session, school)
    good, bad = a_student(session, course, given="Ana"), a_student(session, course, given="Beto")
    bad.family_names = '=HYPERLINK("http://evil.example")'
    attends(session, good, "pppp", DAYS[:4])
    attends(session, bad, "paaa", DAYS[:4])
    close(session, school.id, DAYS[:4])
    director = signed_in(app, a_member(session, school))

    severe = director.get("/app/reports?band=severe").text
    of_course = director.get(f"/app/reports?course={course.id}").text
    trend = director.get("/app/reports/trend").text
    answer = director.get("/app/reports/students.csv")

    assert "Beto" in severe
    assert "Ana" not in severe
    assert of_course.index("Beto") < of_course.index("Ana")  # the lowest first
    assert trend.count("<rect") == 8  # four days, at two sizes
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert [row[1] for row in rows[1:]] == [f"'{bad.family_names}", good.family_names]
    assert rows[1][8] == "25,0"
    exported = session.scalars(
        select(AuditEntry.detail).where(AuditEntry.action == "exported_report")
    ).all()
    assert exported == [{"students": 2, "days": 60}]


def test_a_teacher_gets_the_own_courses_only(app: APIFlask, session: Session) -> None:
    school = a_school(session)
    mine, other = a_course(session, school), a_course(session, school)
    for course, given in ((mine, "Ana"), (other, "Beto")):
        attends(session, a_student(session, course, given=given), "a", DAYS[:1])
    close(session, school.id, DAYS[:1])
    user = a_member(session, school, role="teacher")
    session.add(TeacherCourse(school_id=school.id, user_id=user.id, course_id=mine.id))
    session.commit()
    teacher = signed_in(app, user)

    assert "Beto" not in teacher.get("/app/reports?band=severe").text
    assert "Ana" in teacher.get("/app/reports?band=severe").text
    assert teacher.get(f"/app/reports?course={other.id}").status_code == 404
    assert "Beto" not in teacher.get("/app/reports/students.csv").text


def test_a_school_without_closed_days_says_how_they_come(app: APIFlask, session: Session) -> None:
    director = signed_in(app, a_member(session, a_school(session)))

    assert "Aún no cuenta ningún día" in director.get("/app/reports").text
