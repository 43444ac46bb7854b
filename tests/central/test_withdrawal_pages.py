"""Withdrawals at a browser: who is here, the signature, the receipt, and refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.notifications.models import Notification
from central.people.models import StudentGuardian
from central.settings import Settings
from central.withdrawals.models import AuthorisedPerson, CustodyFlag, Withdrawal
from tests.builders import a_device, a_gate, a_school, a_tap
from tests.central.desk import actions, rows_of
from tests.central.desk_pages import PNG, SIGNATURE, Office, an_office, at_browser, send
from tests.central.pages import a_member
from tests.central.recording import record, sent

SessionAs = Callable[..., Session]


@pytest.fixture
def office(settings: Settings, session: Session, tmp_path: Path) -> Iterator[Office]:
    with an_office(settings, session, tmp_path) as office:
        yield office


def collect(office: Office, **changes: str) -> TestResponse:
    fields = {
        "student": str(office.student.id),
        "request_key": str(uuid4()),
        "who": f"guardian-{office.guardian.id}",
        "identity_kind": "run",
        "identity_number": "12.345.678-5",
        "reason": "medical",
        "signature": SIGNATURE,
    }
    return office.inspector.post("/app/withdrawals/new", **(fields | changes))


def authorise(office: Office, **changes: object) -> TestResponse:
    fields = {
        "full_name": "Rosa Díaz",
        "identity_kind": "run",
        "identity_number": "11.111.111-1",
        "relationship": "neighbour",
        "from": office.today,
        "phone": "9 1234 5678",
    }
    path = f"/app/students/{office.student.id}/collectors/persons"
    return send(office.inspector, path, **(fields | changes))


def test_a_student_who_is_not_inside_is_looked_for_first(
    session: Session, session_as: SessionAs, office: Office
) -> None:
    path = f"/app/withdrawals/new?student={office.student.id}"
    never_came = office.inspector.get(path).text
    gate = a_gate(session, office.school)
    entry, leaving = (a_device(session, gate, direction=way).id for way in ("in", "out"))
    session.commit()
    ingest, now = session_as("ingest", office.school.id), datetime.now(UTC)

    record(ingest, sent(entry, a_tap(card="c1", at=now)), now=now)
    inside = office.inspector.get(path).text
    record(ingest, sent(leaving, a_tap(card="c1", at=now)), now=now)
    left = office.inspector.get(path).text

    assert "nadie ha visto entrar" in never_came
    assert "message-doubt" not in inside
    assert "Ya salió a las" in left


def the_withdrawal(session: Session) -> Withdrawal:
    session.expire_all()
    return session.scalars(select(Withdrawal)).one()


def test_a_guardian_signs_and_a_receipt_is_printed(session: Session, office: Office) -> None:
    answer = collect(office)

    receipt = office.inspector.get(answer.location)
    made = the_withdrawal(session)
    assert made.refusal is None
    assert office.kept() == [made.signature_key]
    assert "Comprobante de retiro" in receipt.text
    assert "12.345.678-5" in receipt.text
    assert f"/app/withdrawals/{made.id}/signature.png" in receipt.text
    assert session.scalars(select(Notification.kind)).all() == ["withdrawal"]
    assert office.guardian.full_name in office.inspector.get("/app/withdrawals").text


def test_the_signature_is_private_and_each_look_is_kept(session: Session, office: Office) -> None:
    collect(office)
    path = f"/app/withdrawals/{the_withdrawal(session).id}/signature.png"
    stranger = at_browser(
        office.inspector.client.application, session, a_member(session, a_school(session))
    )

    answer = office.director.get(path)

    assert answer.data == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "no-store"
    assert actions(session)[-1] == "saw_signature"
    assert office.teacher.get(path).status_code == 403
    assert stranger.get(path).status_code == 404


def test_who_signs_on_paper_needs_no_drawing(session: Session, office: Office) -> None:
    answer = collect(office, signature="", on_paper="1")

    assert answer.status_code == 303
    assert the_withdrawal(session).signature_key is None
    assert office.kept() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signature": ""}, "Falta la firma"),
        ({"signature": "data:image/png;base64,"}, "Falta la firma"),
        ({"signature": "data:image/png;base64,****"}, "Falta la firma"),
        ({"signature": "data:text/html;base64,PGI+"}, "Falta la firma"),
        ({"signature": "data:image/png;base64,PGI+"}, "Solo se pueden adjuntar"),
        ({"identity_number": "12.345.678-6"}, "El número no es válido"),
        ({"who": ""}, "Falta algo"),
        ({"who": "guardian-x"}, "Falta algo"),
        ({"reason": "because"}, "Falta algo"),
        ({"request_key": "1"}, "Falta algo"),
    ],
)
def test_an_incomplete_form_lets_nobody_go(
    session: Session, office: Office, changes: dict[str, str], words: str
) -> None:
    answer = collect(office, **changes)

    assert answer.status_code == 409
    assert words in answer.text
    assert rows_of(session, Withdrawal) == 0
    assert office.kept() == []


def test_a_form_sent_twice_keeps_one_signature(session: Session, office: Office) -> None:
    key = str(uuid4())

    first, second = collect(office, request_key=key), collect(office, request_key=key)

    assert first.location == second.location
    assert office.kept() == [the_withdrawal(session).signature_key]


def test_a_court_order_refuses_politely_and_keeps_no_signature(
    session: Session, office: Office
) -> None:
    office.director.post(
        f"/app/students/{office.student.id}/collectors/orders",
        guardian=str(office.guardian.id),
        court_order="2° Juzgado de Familia, C-77-2026",
        **{"from": office.today},
    )
    form = office.inspector.get(f"/app/withdrawals/new?student={office.student.id}").text

    answer = office.inspector.get(collect(office).location).text

    assert "Una orden judicial no permite" in form
    assert "El estudiante se queda" in answer
    assert "con amabilidad" in answer
    assert "Comprobante" not in answer
    assert the_withdrawal(session).refusal == "custody"
    assert office.kept() == []
    assert rows_of(session, Notification) == 0


def test_a_person_is_authorised_with_a_photo_and_collects(session: Session, office: Office) -> None:
    authorise(office, photo=(b"\xff\xd8\xff a face", "foto.png"))
    person = session.scalars(select(AuthorisedPerson)).one()

    assert (person.identity_number, person.phone) == ("11111111-1", "+56912345678")
    photo = office.inspector.get(
        f"/app/students/{office.student.id}/collectors/persons/{person.id}/photo"
    )
    assert photo.headers["Content-Type"] == "image/jpeg"
    collect(office, who=f"person-{person.id}", identity_number="11.111.111-1")
    assert the_withdrawal(session).refusal is None


def test_an_expired_person_is_refused(session: Session, office: Office) -> None:
    authorise(office, **{"from": "2020-01-01", "to": "2020-12-31"})
    person = session.scalars(select(AuthorisedPerson)).one()

    collect(office, who=f"person-{person.id}", identity_number="11.111.111-1")

    assert the_withdrawal(session).refusal == "expired"


@pytest.mark.parametrize(
    "changes",
    [
        {"identity_number": "11.111.111-2"},
        {"phone": "123"},
        {"full_name": ""},
        {"photo": (b"%PDF-1.4 no picture", "a.jpg")},
        {"to": "2020-01-01"},
    ],
)
def test_a_person_who_is_entered_wrong_is_not_authorised(
    session: Session, office: Office, changes: dict[str, object]
) -> None:
    authorise(office, **changes)

    page = office.inspector.get(f"/app/students/{office.student.id}/collectors").text
    assert "message-wrong" in page
    assert rows_of(session, AuthorisedPerson) == 0
    assert office.kept() == []


def test_rights_are_given_one_by_one(session: Session, office: Office) -> None:
    path = f"/app/students/{office.student.id}/collectors/guardians/{office.guardian.id}/rights"

    office.director.post(path, may_see="1", notify_absence="1")

    session.expire_all()
    link = session.scalars(select(StudentGuardian)).one()
    assert (link.may_see, link.notify_absence, link.may_collect) == (True, True, False)
    assert (link.notify_entry, link.notify_exit) == (False, False)


def test_what_is_revoked_or_ended_stays_to_be_seen(session: Session, office: Office) -> None:
    base = f"/app/students/{office.student.id}/collectors"
    authorise(office)
    office.inspector.post(
        f"{base}/orders", person_name="Juan Soto", court_order="C-1", **{"from": office.today}
    )
    person = session.scalars(select(AuthorisedPerson.id)).one()
    order = session.scalars(select(CustodyFlag.id)).one()

    office.inspector.post(f"{base}/persons/{person}/revocation")
    office.inspector.post(f"{base}/orders/{order}/end")

    page = office.inspector.get(base).text
    assert "Revocada" in page
    assert "No rige" in page
    assert "saw_collectors" in actions(session)


def test_only_those_who_withdraw_students_see_any_of_it(session: Session, office: Office) -> None:
    stranger = at_browser(
        office.inspector.client.application, session, a_member(session, a_school(session))
    )
    base = f"/app/students/{office.student.id}/collectors"

    for path in ("/app/withdrawals", "/app/withdrawals/new", base):
        assert office.teacher.get(path).status_code == 403
    assert stranger.get(base).status_code == 404
    assert stranger.get(f"/app/withdrawals/new?student={office.student.id}").status_code == 404
