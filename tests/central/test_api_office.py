"""The inspector's office over the API: files with what is asked, and two people on a closed day."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.absences.models import AbsenceRequest
from central.attendance.models import AttendanceDay, DayCorrection
from central.media.document_rules import LARGEST_DOCUMENT, LARGEST_SIGNATURE
from central.settings import Settings
from central.withdrawals.models import Withdrawal
from tests.builders import a_school
from tests.central.api import Caller, a_caller_as
from tests.central.desk import actions, rows_of
from tests.central.desk_pages import PNG, Office, an_office, close_today

PDF = b"%PDF-1.7 certificado"


@pytest.fixture
def office(settings: Settings, session: Session, tmp_path: Path) -> Iterator[Office]:
    with an_office(settings, session, tmp_path) as office:
        yield office


@pytest.fixture
def inspector(office: Office, session: Session) -> Caller:
    return a_caller(office, session, "inspector")


def a_caller(office: Office, session: Session, role: str) -> Caller:
    app: Any = office.inspector.client.application
    return a_caller_as(app, session, office.school, role)


def base64(content: bytes) -> str:
    return b64encode(content).decode()


def ask(caller: Caller, office: Office, **changes: object) -> TestResponse:
    values = {
        "student": office.student.id,
        "from": office.today,
        "to": office.today,
        "kind": "absence",
        "reason": "illness",
    }
    return caller.post("/absences", values | changes)


def let_go(caller: Caller, office: Office, **changes: object) -> TestResponse:
    values = {
        "request_key": str(uuid4()),
        "student": office.student.id,
        "guardian": office.guardian.id,
        "identity": {"kind": "run", "number": "12.345.678-5"},
        "reason": "medical",
    }
    return caller.post("/withdrawals", values | changes)


def test_a_document_comes_with_the_request_and_is_given_back(
    session: Session, office: Office, inspector: Caller
) -> None:
    made: Any = ask(inspector, office, document={"name": "c.exe", "content": base64(PDF)}).json

    answer = inspector.get(f"/absences/{made['id']}/document")

    assert (made["document_name"], made["document_bytes"]) == ("c.pdf", len(PDF))
    assert office.kept() == [session.scalars(select(AbsenceRequest.document_key)).one()]
    assert (answer.data, answer.mimetype) == (PDF, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"] == "attachment; filename=c.pdf"
    assert actions(session)[-1] == "saw_absence_document"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"<script>alert(1)</script>", "document_type_unknown"),
        (b"%PDF-" + bytes(LARGEST_DOCUMENT), "document_too_large"),
    ],
)
def test_a_file_of_another_kind_or_size_leaves_nothing_behind(
    session: Session, office: Office, inspector: Caller, content: bytes, detail: str
) -> None:
    answer: Any = ask(inspector, office, document={"name": "c.pdf", "content": base64(content)})

    assert (answer.status_code, answer.json["detail"]) == (409, detail)
    assert rows_of(session, AbsenceRequest) == 0
    assert office.kept() == []


@pytest.mark.parametrize("content", ["", "a", "ab=c", "áááá", "YQ==YQ=="])
def test_what_is_not_base64_is_named(office: Office, inspector: Caller, content: str) -> None:
    answer: Any = ask(inspector, office, document={"name": "c.pdf", "content": content})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "document.content"


def test_nobody_unknown_makes_us_read_a_file(office: Office, inspector: Caller) -> None:
    large = {"name": "c.pdf", "content": base64(PDF + bytes(100_000))}
    stranger = Caller(inspector.app, "not a token")

    assert ask(stranger, office, document=large).status_code == 413
    assert ask(inspector, office, document=large).status_code == 201


def test_another_schools_document_is_not_there(
    session: Session, office: Office, inspector: Caller
) -> None:
    made: Any = ask(inspector, office, document={"name": "c.pdf", "content": base64(PDF)}).json
    stranger = a_caller_as(inspector.app, session, a_school(session), "director")
    teacher = a_caller(office, session, "teacher")

    assert stranger.get(f"/absences/{made['id']}/document").status_code == 404
    assert teacher.get(f"/absences/{made['id']}/document").status_code == 403


def test_the_export_has_what_the_list_has_and_no_formula(
    session: Session, office: Office, inspector: Caller
) -> None:
    ask(inspector, office, comment="=1+1")
    ask(inspector, office, kind="late", comes_at="10:30")

    answer = inspector.get("/absences/export", reason="illness")
    none = inspector.get("/absences/export", status="approved")

    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert answer.mimetype == "text/csv"
    assert [(row["kind"], row["comes_at"], row["comment"]) for row in rows] == [
        ("late", "10:30:00", ""),
        ("absence", "", "'=1+1"),
    ]
    assert none.data.count(b"\n") == 1
    assert actions(session).count("exported_absences") == 2


@pytest.mark.parametrize("changes", [{"kind": "late"}, {"comes_at": "10:00"}])
def test_a_time_belongs_to_a_lateness_and_to_nothing_else(
    office: Office, inspector: Caller, changes: dict[str, str]
) -> None:
    answer: Any = ask(inspector, office, **changes)

    assert (answer.status_code, answer.json["detail"]) == (409, "time_does_not_fit")


def test_a_lateness_says_until_when(office: Office, inspector: Caller) -> None:
    made: Any = ask(inspector, office, kind="late", comes_at="10:30").json

    assert made["comes_at"] == "10:30"


def test_the_signature_comes_with_the_withdrawal_and_is_given_back(
    session: Session, office: Office, inspector: Caller
) -> None:
    signed: Any = let_go(inspector, office, signature=base64(PNG)).json
    on_paper: Any = let_go(inspector, office).json

    answer = inspector.get(f"/withdrawals/{signed['id']}/signature")

    assert (signed["signed"], on_paper["signed"]) == (True, False)
    assert (answer.data, answer.mimetype) == (PNG, "image/png")
    assert office.kept() == [session.get_one(Withdrawal, (office.school.id, 1)).signature_key]
    assert inspector.get(f"/withdrawals/{on_paper['id']}/signature").status_code == 404


@pytest.mark.parametrize("drawn", [PDF, PNG + bytes(LARGEST_SIGNATURE)])
def test_another_file_is_no_signature_and_lets_nobody_go(
    session: Session, office: Office, inspector: Caller, drawn: bytes
) -> None:
    assert let_go(inspector, office, signature=base64(drawn)).status_code == 409
    assert rows_of(session, Withdrawal) == 0
    assert office.kept() == []


def test_a_closed_day_changes_when_somebody_else_approves(
    session: Session, office: Office, inspector: Caller
) -> None:
    close_today(session, office)
    director = a_caller(office, session, "director")
    said = {
        "student": office.student.id,
        "date": office.today,
        "status": "justified",
        "reason": "Certificado",
    }
    made: Any = inspector.post("/corrections/statuses", said).json
    decision = f"/corrections/{made['id']}/decision"

    own: Any = inspector.post(decision, {"state": "approved"})
    before = status(session)
    others: Any = director.post(decision, {"state": "approved"})

    assert made["state"] == "proposed"
    assert (own.status_code, own.json["code"]) == (403, "not_allowed")
    assert before != "justified"
    assert (others.status_code, others.json["state"]) == (200, "approved")
    assert status(session) == "justified"


def test_a_passage_of_a_closed_day_needs_somebody_else_too(
    session: Session, office: Office, inspector: Caller
) -> None:
    close_today(session, office)
    said = {
        "request_key": str(uuid4()),
        "student": office.student.id,
        "direction": "in",
        "at": f"{office.today}T00:00:30-03:00",
        "reason": "Sin tarjeta",
    }
    made: Any = inspector.post("/manual-entries", said).json

    own = inspector.post(f"/manual-entries/{made['id']}/decision", {"state": "approved"})

    assert made["state"] == "proposed"
    assert own.status_code == 403


def test_a_tap_is_left_out_and_counts_again(
    session: Session, office: Office, inspector: Caller
) -> None:
    let_go(inspector, office)
    tap: Any = inspector.items("/taps")[0]
    named = {
        "student": office.student.id,
        "date": office.today,
        "stream_id": tap["stream_id"],
        "seq": tap["seq"],
        "reason": "Se equivocaron de niña",
    }

    left_out: Any = inspector.post("/corrections/ignored-taps", named).json
    again: Any = inspector.post("/corrections/restored-taps", named).json

    assert (left_out["kind"], again["kind"]) == ("ignore_tap", "restore_tap")
    assert inspector.post("/corrections/restored-taps", named).status_code == 409
    assert rows_of(session, DayCorrection) == 2


def status(session: Session) -> str | None:
    session.rollback()
    return session.scalar(select(AttendanceDay.status))
