"""Photos at a browser: who may look, what is kept of it, and what guardians said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central.attendance.service import SentTaps, record_taps
from central.media.photo_keys import photo_keys
from central.models import AuditEntry, Photo, School, Student, Tap
from central.settings import Settings
from contracts.messages import TapBatch
from tests.builders import a_course, a_device, a_gate, a_school, a_student, a_tap
from tests.central.desk_pages import Office, an_office
from tests.central.jpeg import JPEG
from tests.central.pages import Person
from tests.central.photos import a_photo_id


@dataclass
class Album:
    """A student of the office whose photo of today is kept."""

    office: Office
    session: Session
    path: str

    def actions(self) -> list[tuple[str, str | None]]:
        rows = self.session.execute(
            select(AuditEntry.action, AuditEntry.subject).order_by(AuditEntry.id)
        )
        return [(row.action, row.subject) for row in rows]

    def student(self) -> Student:
        self.session.expire_all()
        found = self.session.get(Student, (self.office.school.id, self.office.student.id))
        assert found is not None
        return found


def a_kept_photo(session: Session, school: School, student: Student, folder: Path) -> Tap:
    """A tap of now with its photo, as if a gate had sent it."""
    now = datetime.now(UTC)
    device = a_device(session, a_gate(session, school, name="Puerta Norte"))
    school.photo_key = bytes(32)
    student.photo_opt_in = True
    session.commit()
    tap = a_tap(at=now, photo=a_photo_id())
    record_taps(session, [SentTaps(device.id, TapBatch("s1", (tap,)))], now=now)
    row = session.scalars(select(Tap).where(Tap.school_id == school.id)).one()
    key = f"schools/{school.id}/photos/{device.id}/{a_photo_id()}.jpg"
    session.add(
        Photo(
            school_id=school.id,
            device_id=device.id,
            id=a_photo_id(),
            state="kept",
            size=1,
            jpeg_key=key,
            stream_id=row.stream_id,
            seq=row.seq,
            offered_at=now,
            taken_at=now,
            try_at=now,
        )
    )
    session.commit()
    (folder / key).parent.mkdir(parents=True)
    (folder / key).write_bytes(JPEG)
    return row


@pytest.fixture
def album(settings: Settings, session: Session, tmp_path: Path) -> Iterator[Album]:
    with an_office(settings, session, tmp_path) as office:
        tap = a_kept_photo(session, office.school, office.student, office.folder)
        path = f"/app/students/{office.student.id}/photos/{tap.stream_id}/{tap.seq}"
        yield Album(office, session, path)


def test_who_looks_at_a_photo_sees_it_and_is_written_down(album: Album) -> None:
    day = album.office.inspector.get(album.office.day)
    assert album.path in day.text
    assert album.actions() == []  # that there is one is no look yet

    seen = album.office.inspector.get(album.path)

    assert (seen.data, seen.mimetype) == (JPEG, "image/jpeg")
    assert seen.headers["Cache-Control"] == "no-store"
    assert "sandbox" in seen.headers["Content-Security-Policy"]
    assert album.actions() == [("saw_gate_photo", f"student:{album.office.student.id}")]


def test_a_teacher_neither_sees_nor_learns_of_photos(album: Album) -> None:
    office = album.office

    assert office.teacher.get(album.path).status_code == 403
    consent = f"/app/students/{office.student.id}/photo-consent"
    assert office.teacher.post(consent, consent="withdrawn").status_code == 403
    assert album.student().photo_opt_in


@pytest.mark.parametrize("gone", ["another student's", "another tap's", "withdrawn", "no consent"])
def test_what_may_not_be_seen_is_not_there(album: Album, session: Session, gone: str) -> None:
    path = album.path
    match gone:
        case "another student's":
            other = a_student(session, a_course(session, album.office.school))
            path = path.replace(f"students/{album.office.student.id}/", f"students/{other.id}/")
        case "another tap's":
            path = path.rpartition("/")[0] + "/99"
        case "withdrawn":
            session.execute(update(Photo).values(withdrawn=True))
        case "no consent":
            album.student().photo_opt_in = False
    session.commit()

    assert album.office.director.get(path).status_code == 404
    assert album.actions() == []


def test_a_photo_of_another_school_is_not_there(album: Album, session: Session) -> None:
    elsewhere = a_school(session)
    other = a_student(session, a_course(session, elsewhere), card="theirs")
    session.commit()
    path = album.path.replace(f"students/{album.office.student.id}/", f"students/{other.id}/")

    assert album.office.director.get(path).status_code == 404


def test_a_file_that_is_missing_is_no_error_of_ours(album: Album) -> None:
    for key in album.office.kept():
        (album.office.folder / key).unlink()

    assert album.office.inspector.get(album.path).status_code == 404


def test_a_consent_is_entered_and_taken_back(album: Album) -> None:
    office = album.office
    path = f"/app/students/{office.student.id}/photo-consent"

    assert office.inspector.post(path, consent="withdrawn").status_code == 303
    assert not album.student().photo_opt_in
    assert album.path not in office.inspector.get(office.day).text
    assert office.inspector.post(path, consent="given").status_code == 303

    assert album.student().photo_opt_in
    subject = f"student:{office.student.id}"
    assert album.actions() == [
        ("photo_consent_withdrawn", subject),
        ("photo_consent_given", subject),
    ]
    assert album.path not in office.inspector.get(office.day).text  # what was deleted stays so


def test_the_director_switches_photos_on_and_off_and_sees_who_looked(
    album: Album, settings: Settings
) -> None:
    office, path = album.office, "/app/settings/photos"
    office.inspector.get(album.path)

    page = office.director.get(path).text
    assert "Persona" in page
    assert office.director.post(path, photos="off").status_code == 303
    album.session.expire_all()
    assert office.school.photo_key is None
    assert office.director.get(album.path).status_code == 404

    assert office.director.post(path, photos="on").status_code == 303
    album.session.expire_all()
    assert office.school.photo_key == photo_keys(settings).current
    assert [action for action, _ in album.actions()] == [
        "saw_gate_photo",
        "photos_switched_off",
        "photos_switched_on",
    ]


def test_an_inspector_sees_the_figures_and_switches_nothing(album: Album) -> None:
    office, path = album.office, "/app/settings/photos"
    office.director.get(album.path)

    page = office.inspector.get(path)

    assert page.status_code == 200
    assert 'name="photos"' not in page.text
    assert "Sofía" not in page.text
    assert office.inspector.post(path, photos="off").status_code == 403


def test_where_no_photos_are_taken_a_day_says_nothing_of_them(
    album: Album, session: Session
) -> None:
    album.office.school.photo_key = None
    session.commit()

    assert "photo-consent" not in album.office.inspector.get(album.office.day).text


def test_a_form_without_an_answer_changes_nothing(album: Album) -> None:
    director: Person = album.office.director

    assert director.post("/app/settings/photos", photos="perhaps").status_code == 409
    path = f"/app/students/{album.office.student.id}/photo-consent"
    assert director.post(path).status_code == 409
    assert album.actions() == []
