"""Requests to be excused, the decisions about them, and the days that follow."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from central.absences import rules
from central.absences.models import AbsenceRequest
from central.absences.queries import AbsenceFilter, absences_after, counts_by_status, history
from central.absences.service import (
    Asked,
    Step,
    request_absence,
    request_absence_as_guardian,
    take_step,
)
from central.errors import Busy, Conflict, NotFound
from central.media.document_rules import (
    IMAGES,
    JPEG,
    LARGEST_DOCUMENT,
    PDF,
    PNG,
    WEBP,
    media_type,
    plain_name,
)
from central.media.document_service import Accepted, KeptDocument, checked, fetch_document, keep
from central.media.store import FolderStore
from central.people.models import StudentGuardian
from central.spreadsheets import csv_file, plain_cell
from tests.builders import (
    MORNING,
    SCHOOL_DAY,
    a_course,
    a_device,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    a_tap,
    minutes,
)
from tests.central.desk import (
    Desk,
    SessionAs,
    a_desk,
    actions,
    close_day,
    day_of,
    rows_of,
    status_on,
    tasks,
)
from tests.central.recording import record, sent

NEXT_DAY = SCHOOL_DAY + timedelta(days=1)
DOCUMENTS = Accepted(frozenset({PDF, *IMAGES}), LARGEST_DOCUMENT)


@pytest.fixture
def desk(session: Session, session_as: SessionAs) -> Desk:
    return a_desk(session, session_as)


def what(desk: Desk, **changes: object) -> Asked:
    values = {
        "student_id": desk.student.id,
        "from_on": SCHOOL_DAY,
        "until_on": NEXT_DAY,
        "kind": "absence",
        "reason": "illness",
    }
    return Asked(**(values | changes))  # type: ignore[arg-type]  # by name


def ask(desk: Desk, **changes: object) -> AbsenceRequest:
    request = request_absence(
        desk.web, desk.id, what(desk, **changes), desk.inspector.id, now=MORNING
    )
    desk.web.commit()
    return request


def step(desk: Desk, request: AbsenceRequest, action: str, note: str | None = None) -> None:
    taken = Step(action, desk.director.id, note)
    take_step(desk.web, desk.id, request.id, taken, now=MORNING + minutes(5))
    desk.web.commit()


def test_a_request_alone_excuses_nobody(session: Session, desk: Desk) -> None:
    ask(desk)

    assert day_of(session, desk) is None
    assert tasks(session) == [("absence_request", "open")]
    assert actions(session) == ["absence_requested"]


def test_approval_reaches_back_over_closed_days_and_ahead(session: Session, desk: Desk) -> None:
    close_day(session, desk)
    assert status_on(session, desk) == "absent"

    step(desk, ask(desk), "approve", "Certificado a la vista")

    assert status_on(session, desk) == status_on(session, desk, NEXT_DAY) == "justified"
    assert tasks(session) == [("absence_request", "done")]


def test_taking_an_approval_back_gives_the_days_as_they_were(session: Session, desk: Desk) -> None:
    close_day(session, desk)
    request = ask(desk)
    step(desk, request, "approve")

    step(desk, request, "withdraw", "La familia se equivocó")

    assert status_on(session, desk) == "absent"
    assert day_of(session, desk, NEXT_DAY) is None


def test_a_decision_can_be_undone_and_decided_anew(session: Session, desk: Desk) -> None:
    request = ask(desk)
    for action in ("reject", "reopen", "approve", "reopen", "withdraw"):
        step(desk, request, action)

    assert day_of(session, desk) is None
    assert [event.action for event in history(session, desk.id, request.id)] == [
        *("requested", "rejected", "reopened", "approved", "reopened", "withdrawn"),
    ]
    assert tasks(session) == [
        ("absence_request", "done"),
        ("absence_request", "done"),
        ("absence_request", "dismissed"),
    ]


def test_a_justified_lateness_does_not_count(
    session: Session, session_as: SessionAs, desk: Desk
) -> None:
    device = a_device(session, a_gate(session, desk.school))
    session.commit()
    late = a_tap(card="c1", at=MORNING + minutes(40))
    record(session_as("ingest", desk.id), sent(device.id, late), now=MORNING + minutes(41))
    assert status_on(session, desk) == "late"

    step(desk, ask(desk, kind="late", comes_at=time(9), until_on=SCHOOL_DAY), "approve")

    day = day_of(session, desk)
    assert day is not None
    assert (day.status, day.minutes_late, day.method) == ("present", 0, "absence")


@pytest.mark.parametrize("status", ["pending", "approved", "rejected", "withdrawn"])
def test_every_state_has_only_its_own_steps(status: str) -> None:
    possible = {
        "pending": ("approve", "reject", "withdraw"),
        "approved": ("withdraw", "reopen"),
        "rejected": ("reopen",),
        "withdrawn": ("reopen",),
    }

    assert rules.actions(status) == possible[status]


def test_a_request_is_decided_once(session: Session, desk: Desk) -> None:
    request = ask(desk)
    step(desk, request, "approve")

    with pytest.raises(Conflict, match="already_decided"):
        step(desk, request, "reject")
    desk.web.rollback()

    assert status_on(session, desk) == "justified"
    assert len(history(session, desk.id, request.id)) == 2


@pytest.mark.parametrize(
    ("from_on", "until_on"),
    [
        (NEXT_DAY, SCHOOL_DAY),
        (SCHOOL_DAY, SCHOOL_DAY + timedelta(days=366)),
        (date(2206, 3, 4), date(2206, 3, 4)),
        (date(2006, 3, 4), date(2006, 3, 4)),
    ],
)
def test_dates_that_nobody_means_are_refused(desk: Desk, from_on: date, until_on: date) -> None:
    with pytest.raises(Conflict, match="dates_do_not_fit"):
        ask(desk, from_on=from_on, until_on=until_on)


@pytest.mark.parametrize(
    ("kind", "comes_at"), [("late", None), ("absence", time(9)), ("early_leave", time(9))]
)
def test_who_is_to_be_late_says_until_when_and_nobody_else_does(
    session: Session, desk: Desk, kind: str, comes_at: time | None
) -> None:
    with pytest.raises(Conflict, match="time_does_not_fit"):
        ask(desk, kind=kind, comes_at=comes_at)

    assert rows_of(session, AbsenceRequest) == 0


def test_the_same_is_not_asked_twice(session: Session, desk: Desk) -> None:
    request = ask(desk)

    with pytest.raises(Conflict, match="asked_already"):
        ask(desk)
    desk.web.rollback()
    step(desk, request, "withdraw")
    ask(desk)

    assert rows_of(session, AbsenceRequest) == 2


def test_a_guardian_asks_for_the_own_child(session: Session, desk: Desk) -> None:
    request = request_absence_as_guardian(
        desk.web, desk.id, what(desk), desk.guardian.id, now=MORNING
    )
    desk.web.commit()

    (event,) = history(session, desk.id, request.id)
    assert event.person == desk.guardian.full_name


def test_a_guardian_who_may_not_see_the_child_cannot_ask(session: Session, desk: Desk) -> None:
    sibling = a_student(session, a_course(session, desk.school))
    stranger = a_guardian(session, sibling)
    session.get_one(StudentGuardian, (desk.id, desk.student.id, desk.guardian.id)).may_see = False
    session.commit()

    for guardian in (desk.guardian, stranger):
        with pytest.raises(NotFound):
            request_absence_as_guardian(desk.web, desk.id, what(desk), guardian.id, now=MORNING)


def test_another_schools_requests_are_not_there(
    session: Session, session_as: SessionAs, desk: Desk
) -> None:
    request = ask(desk)
    other = a_school(session)
    session.commit()
    elsewhere = session_as("web", other.id)

    with pytest.raises(NotFound):
        take_step(elsewhere, other.id, request.id, Step("approve", desk.director.id), now=MORNING)
    with pytest.raises(NotFound):
        request_absence(elsewhere, other.id, what(desk), desk.director.id, now=MORNING)
    assert absences_after(elsewhere, desk.id, 0, 10, where=AbsenceFilter()) == []


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, True),
        ({"status": "pending"}, True),
        ({"status": "approved"}, False),
        ({"reason": "illness"}, True),
        ({"reason": "travel"}, False),
        ({"from_on": NEXT_DAY}, True),
        ({"from_on": NEXT_DAY + timedelta(days=1)}, False),
        ({"until_on": SCHOOL_DAY}, True),
        ({"until_on": SCHOOL_DAY - timedelta(days=1)}, False),
        ({"typed": "rojas sofia"}, True),
        ({"typed": "pedro"}, False),
    ],
)
def test_lists_are_narrowed(
    session: Session, desk: Desk, where: dict[str, object], found: bool
) -> None:
    ask(desk)

    narrowed = AbsenceFilter(**where)  # type: ignore[arg-type]  # by name

    assert bool(absences_after(session, desk.id, 0, 10, where=narrowed)) is found
    counts = counts_by_status(session, desk.id, AbsenceFilter(course_id=desk.student.course_id))
    assert counts == {"pending": 1}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n", PDF),
        (b"\xff\xd8\xff\xe0JFIF", JPEG),
        (b"\x89PNG\r\n\x1a\n....", PNG),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", WEBP),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        (b"<html><script>alert(1)</script>", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
        (b"PK\x03\x04 a document", None),
        (b"MZ a program", None),
        (b" %PDF-1.7", None),
        (b"", None),
    ],
)
def test_a_file_is_what_it_begins_with(content: bytes, kind: str | None) -> None:
    assert media_type(content) == kind


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("certificado médico.pdf", "certificado médico.pdf"),
        ("certificado.exe", "certificado.pdf"),
        ("C:\\Users\\x\\receta.pdf", "receta.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("\u202efdp.exe", "fdp.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie: x.pdf"),
        ("", "document.pdf"),
        ("...", "document.pdf"),
        ("x" * 300, f"{'x' * 115}.pdf"),
    ],
)
def test_a_file_name_is_only_a_name(given: str, name: str) -> None:
    assert plain_name(given, PDF) == name


def test_a_document_is_kept_under_the_schools_own_key(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)

    kept = kept_in(store, "c.exe", b"%PDF-1.4 x")

    assert kept.key.startswith("schools/7/absences/")
    assert (kept.name, kept.kind, kept.size) == ("c.pdf", PDF, 10)
    assert fetch_document(store, 7, kept.key) == b"%PDF-1.4 x"
    with pytest.raises(Conflict):
        fetch_document(store, 8, kept.key)


def kept_in(store: FolderStore, name: str, content: bytes) -> KeptDocument:
    upload = checked(7, "absences", (name, content), DOCUMENTS)
    keep(store, upload)
    return upload.document


def test_a_wrong_or_large_file_is_refused() -> None:
    with pytest.raises(Conflict, match="document_type_unknown"):
        checked(7, "absences", ("a.pdf", b"GIF89a"), DOCUMENTS)
    with pytest.raises(Conflict, match="document_too_large"):
        checked(7, "absences", ("a.pdf", b"%PDF-12345"), Accepted(DOCUMENTS.kinds, 9))


def test_a_store_that_is_away_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FolderStore(tmp_path / "file")

    with pytest.raises(Busy):
        kept_in(store, "a.pdf", b"%PDF-1.4")


@pytest.mark.parametrize(
    "cell", ["=1+1", "+56912345678", "-2", "@SUM(A1)", "\t=1", "  =1", "＝1", "\r=1"]
)
def test_a_cell_is_never_a_formula(cell: str) -> None:
    assert str(plain_cell(cell)).startswith("'")
    assert csv_file([[cell]]).decode("utf-8-sig").lstrip('"').startswith("'")


def test_a_plain_cell_stays_as_it_is() -> None:
    assert csv_file([["Ñusta; la mayor", 3, None]]).decode("utf-8-sig") == (
        '"Ñusta; la mayor";3;\r\n'
    )
