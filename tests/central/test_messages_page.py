"""The message log: who was told what, whether it arrived, and what to do when not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy.orm import Session

from central.notifications.queries import PAGE_SIZE
from tests.builders import a_school
from tests.central.messages import Family, a_family, queued
from tests.central.pages import Person, a_member, signed_in

ROW = re.compile(r'class="message-row" id="m-(\d+)"')
CHIP = re.compile(r'<a class="chip[^>]*>([^<]*) <span class="chip-count">([^<]*)</span>')


@pytest.fixture
def family(session: Session) -> Family:
    """In a zone where it is today for both of us, whatever the hour."""
    return a_family(session, school=a_school(session, timezone="UTC"), phone="+56912345678")


@pytest.fixture
def director(session: Session, app: APIFlask, family: Family) -> Person:
    return signed_in(app, a_member(session, family.school))


def rows(text: str) -> list[int]:
    return [int(number) for number in ROW.findall(text)]


def test_a_row_says_who_what_and_how_far_it_came(
    session: Session, family: Family, director: Person
) -> None:
    at = datetime.now(UTC)
    queued(session, family, status="read", sent_at=at, delivered_at=at, read_at=at)

    page = director.get("/app/messages").text

    assert "Sofía Rojas Muñoz" in page
    assert family.guardian.full_name in page
    assert "5678" in page
    assert "912345678" not in page
    assert f"por {family.gate.name}" in page
    for word in ("Enviado", "Entregado", "Leído"):
        assert f"<span>{word}</span> <time" in page


@pytest.mark.parametrize(
    ("changes", "reason", "advice"),
    [
        ({"error_code": 131026}, "WhatsApp no puede entregar a este número", "llámala"),
        ({"error_code": 132001}, "rechazó el texto", "Avisa a quien administra"),
        ({"error_code": 190}, "La cuenta de WhatsApp del colegio", "Avisa a quien administra"),
        ({"error_code": 131000}, "se dejó de intentar", "Nada que hacer"),
        ({"error": "no_phone"}, "no tiene teléfono", "Agrega uno"),
        ({"error": "expired"}, "demasiado tarde", "No se envió nada"),
        ({"status": "unknown", "error": "ReadTimeout"}, "no respondió a tiempo", "dos veces"),
        ({"status": "queued", "error": "ConnectTimeout"}, "no responde", "Saldrá solo"),
        ({"status": "recorded", "error": "guardian_stopped"}, "pidió no recibir", "Nada que hacer"),
    ],
)
def test_a_message_that_did_not_arrive_says_why_and_what_to_do(
    session: Session, family: Family, director: Person, changes: dict[str, object], reason: str,
    advice: str,
) -> None:  # fmt: skip
    queued(session, family, **({"status": "failed"} | changes))

    page = director.get("/app/messages").text

    assert reason in page
    assert advice in page
    assert "ReadTimeout" not in page


def test_chips_count_the_day_and_filter_it(
    session: Session, family: Family, director: Person
) -> None:
    for status in ("failed", "read", "read", "queued"):
        queued(session, family, status=status)
    sending = queued(
        session, family, status="sending", lease_until=datetime.now(UTC) + timedelta(minutes=1)
    )

    page = director.get("/app/messages").text
    waiting = director.get("/app/messages?status=queued").text

    counts = dict(CHIP.findall(page))
    assert counts["Todo"] == "5"
    assert (counts["No entregado"], counts["Leído"], counts["En espera"]) == ("1", "2", "2")
    assert len(rows(waiting)) == 2
    assert sending.id in rows(waiting)


def test_the_search_finds_by_student_and_by_guardian(
    session: Session, family: Family, director: Person
) -> None:
    other = a_family(session, school=family.school)
    other.student.given_names, other.guardian.full_name = "Íñigo", "Zoé Ñanco"
    own, theirs = queued(session, family), queued(session, other)

    by_student = director.get("/app/messages?q=inigo").text
    by_guardian = director.get("/app/messages?q=nanco+zoe").text
    nobody = director.get("/app/messages?q=nobody").text

    assert rows(by_student) == rows(by_guardian) == [theirs.id]
    assert own.id not in rows(by_student)
    assert dict(CHIP.findall(by_student))["Todo"] == "1"
    assert "Ningún mensaje coincide" in nobody


def test_older_messages_are_fetched_by_key_and_none_twice(
    session: Session, family: Family, director: Person
) -> None:
    made = datetime.now(UTC)
    for number in range(PAGE_SIZE + 3):
        queued(session, family, created_at=made - timedelta(milliseconds=number // 2))

    first = director.get("/app/messages").text
    more = re.search(r'hx-get="([^"]+)"', first[first.index("<tbody") :])
    assert more
    queued(session, family)  # a new one must not shift the pages
    second = director.get(more[1].replace("&amp;", "&")).text

    assert len(rows(first)) == PAGE_SIZE
    assert len(rows(second)) == 3
    assert not set(rows(first)) & set(rows(second))
    assert "<html" not in second
    assert "hx-get" not in second


def test_an_open_page_can_ask_for_as_many_rows_as_it_shows(
    session: Session, family: Family, director: Person
) -> None:
    for _ in range(PAGE_SIZE + 3):
        queued(session, family)

    now = director.get(f"/app/messages/now?rows={PAGE_SIZE + 1}").text
    too_many = director.get("/app/messages/now?rows=1000000").text

    assert len(rows(now)) == PAGE_SIZE + 1
    assert 'id="chips-now"' in now
    assert len(rows(too_many)) == PAGE_SIZE + 3


def test_another_day_is_one_click_away(session: Session, family: Family, director: Person) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    old = queued(session, family, on_date=yesterday.date(), created_at=yesterday)

    today = director.get("/app/messages").text
    before = director.get(f"/app/messages?date={yesterday.date()}").text

    assert rows(today) == []
    assert f"date={yesterday.date()}" in today
    assert rows(before) == [old.id]
    for nonsense in ("date=x", "date=9999-12-31", "before=x", "before=2026-01-01~x", "status=x"):
        assert director.get(f"/app/messages?{nonsense}").status_code == 200


def test_recorded_messages_say_that_nothing_is_sent(
    session: Session, family: Family, director: Person
) -> None:
    assert "No se está enviando nada" not in director.get("/app/messages").text
    queued(session, family, status="recorded")

    assert "No se está enviando nada" in director.get("/app/messages").text


def test_another_schools_messages_are_invisible(
    session: Session, app: APIFlask, family: Family
) -> None:
    queued(session, family)
    stranger = signed_in(app, a_member(session, a_school(session)))

    assert rows(stranger.get("/app/messages").text) == []
    assert rows(stranger.get("/app/messages/now").text) == []


@pytest.mark.parametrize("role", ["teacher", "technician"])
def test_the_log_is_for_those_who_may_see_messages(
    session: Session, app: APIFlask, family: Family, role: str
) -> None:
    person = signed_in(app, a_member(session, family.school, role=role))

    for path in ("/app/messages", "/app/messages/rows", "/app/messages/now"):
        assert person.get(path).status_code == 403
