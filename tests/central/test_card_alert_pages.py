"""What a person sees of a card that may have been copied."""

from __future__ import annotations

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.attendance.corrections_service import NamedTap, ignore_tap, restore_tap
from central.attendance.models import AttendanceDay, Tap
from central.cards.keys import CardKeys
from central.errors import Conflict
from central.tasks.models import Task
from tests.builders import MORNING, SCHOOL_DAY, minutes
from tests.central.pages import Person, a_member, signed_in
from tests.central.recording import SessionAs
from tests.central.secure import SecureSchool, a_secure_card, a_secure_school, what_it_says


@pytest.fixture
def school(session: Session, session_as: SessionAs) -> SecureSchool:
    """A true tap, a copy of it an hour later, and a forgery."""
    school = a_secure_school(session, session_as)
    said = what_it_says(school.card)
    forger = a_secure_card(school.place.school.id, keys=CardKeys(bytes(32)))
    school.record(
        school.tap(1, said=said, boot="a"),
        school.tap(2, at=MORNING + minutes(60), said=said, boot="b"),
        school.tap(3, at=MORNING + minutes(61), said=what_it_says(forger)),
        now=MORNING + minutes(62),
    )
    return school


@pytest.fixture
def inspector(session: Session, app: APIFlask, school: SecureSchool) -> Person:
    return signed_in(app, a_member(session, school.place.school, role="inspector"))


def test_the_task_says_what_happened_where_and_whose_card_it_was(
    session: Session, inspector: Person, school: SecureSchool
) -> None:
    task = session.scalars(select(Task)).one()

    inbox, page = inspector.get("/app/tasks").text, inspector.get(f"/app/tasks/{task.id}").text

    assert "Puede que hayan copiado una tarjeta" in inbox
    assert "A las 8:50 acercaron a Puerta" in page
    assert "A las 8:51 acercaron una tarjeta falsa a Puerta" in page
    assert "Rojas Muñoz, Sofía" in page


def test_who_has_looked_closes_it_with_a_note(
    session: Session, inspector: Person, school: SecureSchool
) -> None:
    task = session.scalars(select(Task)).one()

    inspector.post(f"/app/tasks/{task.id}/decision", action="done", note="Hablé con ella")

    session.expire_all()
    assert (task.state, task.note) == ("done", "Hablé con ella")


def test_the_students_day_shows_the_copy_as_left_out(
    inspector: Person, session: Session, school: SecureSchool
) -> None:
    task = session.scalars(select(Task)).one()
    page = inspector.get(f"/app/tasks/{task.id}").text
    link = page.split('class="name" href="')[1].split('"')[0]

    day = inspector.get(link).text

    assert "quizás no era esta tarjeta" in day
    assert day.count("Entrada") >= 1


def copy_of(school: SecureSchool, session: Session) -> NamedTap:
    tap = session.scalars(select(Tap).where(Tap.doubt == "replayed")).one()
    return NamedTap(school.student_id, SCHOOL_DAY, tap.stream_id, tap.seq, "Fui testigo")


def passages_of(session: Session) -> int:
    session.expire_all()
    return session.scalars(select(AttendanceDay.passages)).one()


def test_a_person_may_let_a_doubted_tap_count_after_all_and_take_it_back(
    session: Session, session_as: SessionAs, school: SecureSchool
) -> None:
    inspector = a_member(session, school.place.school, role="inspector")
    web, named = session_as("web", school.place.school.id), copy_of(school, session)
    now = MORNING + minutes(90)
    assert passages_of(session) == 1
    with pytest.raises(Conflict, match="tap_left_out_already"):
        ignore_tap(web, school.place.school.id, named, inspector.id, now=now)

    restore_tap(web, school.place.school.id, named, inspector.id, now=now)
    web.commit()
    assert passages_of(session) == 2
    with pytest.raises(Conflict, match="tap_counts_already"):
        restore_tap(web, school.place.school.id, named, inspector.id, now=now)

    ignore_tap(web, school.place.school.id, named, inspector.id, now=now)
    web.commit()
    assert passages_of(session) == 1
