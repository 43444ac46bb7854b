"""Absences at a browser: asking with a document, deciding, the list and its export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.absences.models import AbsenceRequest
from central.media.document_rules import LARGEST_DOCUMENT
from central.settings import Settings
from tests.builders import a_school
from tests.central.desk import actions, rows_of
from tests.central.desk_pages import Office, an_office, at_browser, send
from tests.central.pages import a_member

PDF = b"%PDF-1.7 certificado"


@pytest.fixture
def office(settings: Settings, session: Session, tmp_path: Path) -> Iterator[Office]:
    with an_office(settings, session, tmp_path) as office:
        yield office


def ask(office: Office, **changes: object) -> TestResponse:
    fields = {
        "student": str(office.student.id),
        "kind": "absence",
        "from": office.today,
        "to": office.today,
        "reason": "illness",
        "comment": "=1+1 fiebre",
    }
    return send(office.inspector, "/app/absences/new", **(fields | changes))


def the_request(session: Session) -> AbsenceRequest:
    session.expire_all()
    return session.scalars(select(AbsenceRequest)).one()


def test_a_request_with_a_document_is_entered_and_found(session: Session, office: Office) -> None:
    answer = ask(office, document=(PDF, "certificado.exe"))

    assert answer.status_code == 303
    request = the_request(session)
    assert (request.document_name, request.document_type) == ("certificado.pdf", "application/pdf")
    assert office.kept() == [request.document_key]
    page = office.inspector.get("/app/absences").text
    assert "Rojas Muñoz, Sofía" in page
    assert "Por decidir" in page


def test_the_document_comes_as_a_file_that_no_browser_runs(
    session: Session, office: Office
) -> None:
    ask(office, document=(PDF, "ñandú; x.pdf"))

    answer = office.director.get(f"/app/absences/{the_request(session).id}/document")

    assert answer.data == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert actions(session)[-1] == "saw_absence_document"


def test_only_who_manages_absences_of_the_school_opens_it(session: Session, office: Office) -> None:
    ask(office, document=(PDF, "a.pdf"))
    path = f"/app/absences/{the_request(session).id}/document"
    stranger = at_browser(
        office.inspector.client.application, session, a_member(session, a_school(session))
    )

    assert office.teacher.get(path).status_code == 403
    assert stranger.get(path).status_code == 404
    assert "saw_absence_document" not in actions(session)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html><script>alert(1)</script></html>", "Solo se pueden adjuntar"),
        (b"", "Solo se pueden adjuntar"),
        (b"%PDF-" + bytes(LARGEST_DOCUMENT), "más de 10 MB"),
    ],
)
def test_a_file_that_is_not_taken_leaves_nothing_behind(
    session: Session, office: Office, content: bytes, words: str
) -> None:
    answer = ask(office, document=(content, "certificado.pdf"))

    assert answer.status_code == 409
    assert words in answer.text
    assert "=1+1 fiebre" in answer.text  # what was typed is still there
    assert rows_of(session, AbsenceRequest) == 0
    assert office.kept() == []


def test_a_file_far_too_large_is_not_even_read(session: Session, office: Office) -> None:
    answer = ask(office, document=(bytes(12 * 1024 * 1024), "a.pdf"))

    assert answer.status_code == 413
    assert rows_of(session, AbsenceRequest) == 0


def test_a_request_that_is_refused_keeps_no_document(session: Session, office: Office) -> None:
    ask(office)

    answer = ask(office, document=(PDF, "a.pdf"))

    assert answer.status_code == 409
    assert "Ya hay una solicitud" in answer.text
    assert office.kept() == []


def test_it_is_decided_once_whoever_is_quicker(session: Session, office: Office) -> None:
    ask(office)
    steps = f"/app/absences/{the_request(session).id}/steps"

    office.director.post(steps, action="approve", note="Visto")
    second = office.inspector.post(steps, action="reject")
    page = office.inspector.get(second.location).text

    assert the_request(session).status == "approved"
    assert "message-wrong" in page
    assert "Visto" in page


def test_it_can_be_approved_as_it_is_entered(session: Session, office: Office) -> None:
    ask(office, approve="1")

    assert the_request(session).status == "approved"


def test_the_export_is_the_list_and_no_cell_is_a_formula(session: Session, office: Office) -> None:
    ask(office)

    answer = office.director.get("/app/absences/export.csv?reason=illness")
    nothing = office.director.get("/app/absences/export.csv?reason=travel")

    rows = answer.data.decode("utf-8-sig").splitlines()
    assert len(rows) == 2
    assert ";'=1+1 fiebre;" in rows[1]
    assert len(nothing.data.decode("utf-8-sig").splitlines()) == 1
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "exported_absences" in actions(session)


@pytest.mark.parametrize(
    "query",
    [
        "?status=nothing&reason=x&course=y&from=z&to=9999-99-99&q=%00",
        "?status=approved&course=1&from=2026-01-01&to=2026-12-31&q=rojas",
        "?before=0",
    ],
)
def test_any_filter_gives_a_page(office: Office, query: str) -> None:
    assert office.inspector.get(f"/app/absences{query}").status_code == 200


def test_a_student_is_found_first(office: Office) -> None:
    page = office.inspector.get("/app/absences/new?q=rojas").text

    assert f"/app/absences/new?student={office.student.id}" in page
    assert office.inspector.get("/app/absences/new?student=999").status_code == 404


def test_teachers_have_nothing_to_do_here(office: Office) -> None:
    for path in ("/app/absences", "/app/absences/new", "/app/absences/export.csv"):
        assert office.teacher.get(path).status_code == 403
