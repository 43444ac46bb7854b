"""The inspector's office at a browser: an application whose documents lie in a folder."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.accounts.models import User, WebSession
from central.accounts.queries import token_hash
from central.attendance.models import DayClosing
from central.attendance.service import refresh_school_days
from central.people.models import Guardian, Student
from central.schools.models import School
from central.settings import Settings
from tests.builders import a_course, a_guardian, a_school, a_student
from tests.central.pages import Person, a_member, application

PNG = b"\x89PNG\r\n\x1a\n" + b"a drawn line"
SIGNATURE = f"data:image/png;base64,{b64encode(PNG).decode()}"


@dataclass
class Office:
    """A school of today, an inspector and a director at their browsers, a folder of documents."""

    school: School
    student: Student
    guardian: Guardian
    inspector: Person
    director: Person
    teacher: Person
    folder: Path

    @property
    def today(self) -> str:
        return datetime.now(UTC).astimezone(ZoneInfo(self.school.timezone)).date().isoformat()

    @property
    def day(self) -> str:
        return f"/app/students/{self.student.id}/days/{self.today}"

    def kept(self) -> list[str]:
        """The files of the store, by their keys."""
        return sorted(
            str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()
        )


@contextmanager
def an_office(settings: Settings, session: Session, folder: Path) -> Iterator[Office]:
    school = a_school(session)
    student = a_student(session, a_course(session, school), card="c1")
    guardian = a_guardian(session, student)
    people = [a_member(session, school, role=role) for role in ("inspector", "director", "teacher")]
    kept = replace(settings, s3_endpoint=folder.as_uri(), s3_bucket="documents")
    with application(kept) as app:
        inspector, director, teacher = (at_browser(app, session, person) for person in people)
        yield Office(
            *(school, student, guardian, inspector, director, teacher),
            folder / "documents",
        )


def at_browser(app: Flask, session: Session, user: User) -> Person:
    """Somebody whose browser is signed in already: passwords are slow, and not the matter here."""
    now, token = datetime.now(UTC), f"token of {user.id}"
    session.add(
        WebSession(
            token_hash=token_hash(token),
            user_id=user.id,
            last_seen_at=now,
            expires_at=now + timedelta(days=1),
        )
    )
    session.commit()
    person = Person(app)
    person.client.set_cookie(app.config["SIGN_IN_COOKIE"], token)
    return person


def close_today(session: Session, office: Office) -> None:
    on_date = datetime.fromisoformat(office.today).date()
    session.add(DayClosing(school_id=office.school.id, on_date=on_date))
    session.flush()
    refresh_school_days(session, office.school.id, on_date, on_date)
    session.commit()


def send(person: Person, path: str, **fields: Any) -> TestResponse:
    """Send a form with files: ``document=(content, name)``."""
    data = {
        name: (BytesIO(value[0]), value[1]) if isinstance(value, tuple) else value
        for name, value in fields.items()
    }
    data["csrf_token"] = person.form_token()
    answer = person.client.post(path, data=data, content_type="multipart/form-data")
    answer.request.environ["wsgi.input"].close()  # a large form is a file of the client's
    return answer
