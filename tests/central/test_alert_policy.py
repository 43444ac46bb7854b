"""When and of what a school tells families: the rule, the messages, the page and the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.accounts.models import AuditEntry
from central.attendance.models import AttendanceDay, DayClosing
from central.attendance.service import SentTaps, record_taps
from central.errors import Conflict
from central.no_shows.models import AlertPolicy
from central.no_shows.policy_queries import alert_settings, volumes
from central.no_shows.policy_rules import AlertSettings, Volumes, messages_a_day
from central.no_shows.policy_service import set_alerts
from central.no_shows.rules import CourseCount, Policy, Scene, judge
from central.notifications.models import Notification
from central.people.models import Student, StudentGuardian
from central.schools.models import School
from contracts.messages import TapBatch
from tests.builders import (
    MORNING,
    a_course,
    a_device,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    a_tap,
    minutes,
)
from tests.central.api import Caller, a_caller_as
from tests.central.desk_pages import at_browser
from tests.central.pages import Person, a_member

TODAY = datetime.now(UTC).astimezone(ZoneInfo("America/Santiago")).date()
LATE = MORNING + minutes(20)  # 8:10, ten minutes after the bell
USUAL = Volumes(days=20, entries=100, exits=90, late=8, late_only=5, absences=12)


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"tell_late": False}, 12),
        ({}, 20),
        ({"tell_entries": True, "tell_late": False}, 112),
        ({"tell_entries": True}, 117),  # who hears of every entry hears of a late one once
        ({"tell_entries": True, "tell_exits": True}, 207),
        ({"ask_first": True}, 20),
    ],
)
def test_how_many_messages_a_choice_sends(changes: dict[str, Any], sent: int) -> None:
    assert messages_a_day(AlertSettings(**changes), USUAL) == sent


def test_a_school_without_a_row_follows_what_a_new_row_would_say(session: Session) -> None:
    school = a_school(session)
    session.delete(session.get_one(AlertPolicy, school.id))
    session.flush()
    without = alert_settings(session, school.id)

    session.add(AlertPolicy(school_id=school.id))
    session.flush()

    assert without == alert_settings(session, school.id) == AlertSettings()


def told_of(
    session: Session, ingest: Session, school: School, student: Student, *, at: datetime
) -> list[str]:
    """The kinds of the messages that a tap queues."""
    device = a_device(session, a_gate(session, school))
    session.commit()
    record_taps(ingest, [SentTaps(device.id, TapBatch("s1", (a_tap(at=at),)))], now=at)
    ingest.commit()
    rows = session.scalars(select(Notification.kind).where(Notification.student_id == student.id))
    return list(rows)


@pytest.mark.parametrize(
    ("policy", "wants", "at", "messages"),
    [
        pytest.param({}, (True, True), MORNING, 0, id="in time, exceptions only"),
        pytest.param({}, (False, True), LATE, 1, id="late, exceptions only"),
        pytest.param({}, (False, False), LATE, 0, id="late, but wants no messages"),
        pytest.param({"tell_late": False}, (True, True), LATE, 0, id="late is not told"),
        pytest.param({"tell_entries": True}, (True, False), MORNING, 1, id="each entry, asked for"),
        pytest.param({"tell_entries": True}, (False, True), MORNING, 0, id="not asked for"),
        pytest.param({"tell_entries": True}, (True, True), LATE, 1, id="late and each entry: once"),
        pytest.param(None, (True, True), MORNING, 0, id="a school that has set nothing"),
        pytest.param(None, (False, True), LATE, 1, id="a late one of such a school"),
    ],
)
def test_what_is_told_of_an_entry(
    session: Session,
    session_as: Callable[..., Session],
    policy: dict[str, Any] | None,
    wants: tuple[bool, bool],  # entries, and what is out of the ordinary
    at: datetime,
    messages: int,
) -> None:
    school = a_school(session)
    student = a_student(session, a_course(session, school), card="c1")
    guardian = a_guardian(session, student, told=wants[0])
    link = session.get_one(StudentGuardian, (school.id, student.id, guardian.id))
    link.notify_absence = wants[1]
    session.delete(session.get_one(AlertPolicy, school.id))
    session.flush()
    if policy is not None:
        session.add(AlertPolicy(school_id=school.id, **policy))
        session.flush()

    told = told_of(session, session_as("ingest", school.id), school, student, at=at)

    assert told == ["entry"] * messages


def test_coming_back_from_lunch_after_a_late_morning_is_a_usual_entry(
    session: Session, session_as: Callable[..., Session]
) -> None:
    school = a_school(session)
    student = a_student(session, a_course(session, school), card="c1")
    a_guardian(session, student, told=False)
    device = a_device(session, a_gate(session, school))
    session.commit()
    ingest = session_as("ingest", school.id)

    for seq, at in enumerate((LATE, LATE + minutes(200), LATE + minutes(240)), start=1):
        taps = (a_tap(seq, at=at),)
        record_taps(ingest, [SentTaps(device.id, TapBatch("s1", taps))], now=at)
        ingest.commit()

    assert session.scalars(select(Notification.fact_at)).all() == [LATE]


def test_a_school_that_asks_first_holds_what_is_otherwise_safe() -> None:
    def verdict(policy: Policy) -> list[str]:
        scene = Scene(policy, MORNING, {1: CourseCount(30, 2)}, (), {})
        return [reason["code"] for reason in judge(scene, MORNING + minutes(1)).reasons]

    assert verdict(Policy(timedelta(minutes=30))) == []
    assert verdict(Policy(timedelta(minutes=30), ask_first=True)) == ["asked_first"]


def test_the_volumes_are_those_of_the_closed_school_days(session: Session) -> None:
    school = a_school(session)
    course = a_course(session, school)
    here, gone = a_student(session, course), a_student(session, course)
    a_guardian(session, here, gone, told=True)
    a_guardian(session, here, gone, told=False)
    silent = a_guardian(session, here)
    silent.phone = None
    for back, status in ((1, "present"), (2, "late"), (3, "no_class")):
        on_date = TODAY - timedelta(days=back)
        if back < 4:
            session.add(DayClosing(school_id=school.id, on_date=on_date))
        session.add(_day(here, on_date, status, came=status != "no_class"))
        session.add(_day(gone, on_date, "no_class" if back == 3 else "absent", came=False))
    session.add(_day(here, TODAY, "late", came=True))  # today is not over
    session.flush()

    found = volumes(session, school.id, TODAY)

    assert found == Volumes(days=2, entries=1, exits=1, late=1, late_only=0.5, absences=2)


def _day(student: Student, on_date: date, status: str, *, came: bool) -> AttendanceDay:
    return AttendanceDay(
        school_id=student.school_id,
        student_id=student.id,
        on_date=on_date,
        status=status,
        first_entry_at=MORNING if came else None,
        last_exit_at=MORNING if came else None,
        minutes_late=9 if status == "late" else 0,
        inside=False,
        passages=2 if came else 0,
        confidence="sure",
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grace_minutes": 241}, "grace_does_not_fit"),
        ({"grace_minutes": -1}, "grace_does_not_fit"),
        ({"most_absent_percent": 0}, "share_does_not_fit"),
        ({"silent_after_minutes": 1}, "silence_does_not_fit"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    session: Session, changes: dict[str, Any], code: str
) -> None:
    school = a_school(session)

    with pytest.raises(Conflict, match=code):
        set_alerts(session, school.id, AlertSettings(**changes), by=1)


FORM = {
    "tell_late": "1",
    "grace_minutes": "",
    "most_absent_percent": "30",
    "silent_after_minutes": "15",
    "absences": "asked",
}


@pytest.fixture
def director(app: APIFlask, session: Session) -> Person:
    return at_browser(app, session, a_member(session, a_school(session)))


def test_the_director_sets_it_and_the_change_is_kept(session: Session, director: Person) -> None:
    answer = director.post("/app/settings", **FORM)
    director.post("/app/settings", **FORM)

    policy = session.scalars(select(AlertPolicy)).one()
    assert answer.status_code == 303
    assert (policy.tell_entries, policy.tell_late, policy.ask_first) == (False, True, True)
    assert (policy.grace_minutes, policy.most_absent_percent) == (None, 30)
    [entry] = session.scalars(select(AuditEntry).where(AuditEntry.action == "set_alerts")).all()
    assert entry.detail == {
        "most_absent_percent": [25, 30],
        "silent_after_minutes": [10, 15],
        "tell_entries": [True, False],
        "tell_exits": [True, False],
        "ask_first": [False, True],
    }
    page = director.get("/app/settings").text
    assert 'name="tell_late" value="1" checked' in page
    assert 'name="tell_entries" value="1" checked' not in page


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"grace_minutes": "500"}, "de 0 a 240 minutos"),
        ({"most_absent_percent": "x"}, "Falta algo"),
        ({"silent_after_minutes": "1"}, "de 2 a 240 minutos"),
        ({"absences": ""}, "Falta algo"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(
    session: Session, director: Person, wrong: dict[str, str], words: str
) -> None:
    answer = director.post("/app/settings", **(FORM | wrong))

    assert answer.status_code == 409
    assert words in answer.text
    assert f'value="{(FORM | wrong)["silent_after_minutes"]}"' in answer.text
    assert session.scalars(select(AlertPolicy.ask_first)).one() is False


@pytest.mark.parametrize(
    ("role", "page", "change"),
    [("inspector", 200, 403), ("teacher", 403, 403), ("technician", 403, 403)],
)
def test_who_sees_the_settings_and_who_sets_them(
    app: APIFlask, session: Session, role: str, page: int, change: int
) -> None:
    person = at_browser(app, session, a_member(session, a_school(session), role=role))

    seen = person.get("/app/settings")

    assert seen.status_code == page
    assert "Guardar los ajustes" not in seen.text
    assert person.post("/app/settings", **FORM).status_code == change


def put(caller: Caller, content: dict[str, Any]) -> TestResponse:
    return caller.app.test_client().put(
        "/api/v1/alert-policy", json=content, headers={"Authorization": f"Bearer {caller.token}"}
    )


def test_the_policy_by_the_api(app: APIFlask, session: Session) -> None:
    school = a_school(session)
    director = a_caller_as(app, session, school, "director")
    inspector = a_caller_as(app, session, school, "inspector")
    before: Any = director.get("/alert-policy").json
    wanted = {name: before[name] for name in AlertSettings._fields}

    after: Any = put(director, wanted | {"tell_entries": False, "grace_minutes": 20}).json

    assert after == before | {"tell_entries": False, "grace_minutes": 20}
    assert inspector.get("/alert-policy").json == after
    assert put(inspector, wanted).status_code == 403
    assert put(director, wanted | {"grace_minutes": 241}).status_code == 422
    assert put(director, {"tell_entries": True}).status_code == 422
    assert alert_settings(session, school.id).grace_minutes == 20
