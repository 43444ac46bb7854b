"""A person at a browser without JavaScript: pages, forms with their token, cookies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

from apiflask import APIFlask
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from central.accounts.models import Membership, User, WebSession
from central.accounts.passwords import hash_password
from central.app import create_app
from central.db import db
from central.people.models import Student
from central.schools.models import School
from central.settings import Settings
from central.web.access import requires
from tests.builders import a_user

PASSWORD = "una clave larga"


@cache
def password_hash() -> str:
    return hash_password(PASSWORD)


def a_member(session: Session, *schools: School, role: str = "director", email: str = "") -> User:
    """A person who signs in with PASSWORD and has ``role`` in each of ``schools``."""
    user = a_user(session, email=email, password_hash=password_hash())
    session.add_all(
        Membership(school_id=school.id, user_id=user.id, role=role) for school in schools
    )
    session.commit()
    return user


class Person:
    """Somebody's browser, with its own cookies."""

    def __init__(self, app: Flask, *, address: str = "127.0.0.1", browser: str = "") -> None:
        self.client: FlaskClient = app.test_client()
        self._environ = {"REMOTE_ADDR": address}
        self._headers = {"User-Agent": browser} if browser else {}

    def get(self, path: str, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(
            path,
            headers={**self._headers, **named},
            environ_overrides=self._environ,
            buffered=True,  # a file is closed once it has been read
        )

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form as a page of ours would: with the token of a page got just before."""
        return self.post_without_token(path, **fields, csrf_token=self.form_token())

    def post_without_token(self, path: str, **fields: str) -> TestResponse:
        return self.client.post(
            path, data=fields, headers=self._headers, environ_overrides=self._environ
        )

    def form_token(self) -> str:
        page = self.client.get("/app/sign-in", follow_redirects=True)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found, page.text
        return found.group(1)

    def sign_in(self, user: User, password: str = PASSWORD) -> TestResponse:
        return self.post("/app/sign-in", email=user.email, password=password)

    def cookie(self, name: str = "attendance") -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None


def signed_in(app: Flask, user: User, **about: str) -> Person:
    person = Person(app, **about)
    answer = person.sign_in(user)
    assert answer.status_code == 303, answer.text
    return person


def make_older(session: Session, user: User, by: timedelta) -> None:
    """As if the person had signed in, and last been seen, ``by`` ago."""
    then = datetime.now(UTC) - by
    session.execute(
        update(WebSession)
        .where(WebSession.user_id == user.id)
        .values(created_at=then, last_seen_at=then, expires_at=WebSession.expires_at - by)
    )
    session.commit()


def with_pages(app: APIFlask) -> APIFlask:
    """``app`` with pages of a test's own; the one of students has a query gone wrong."""
    pages = Blueprint("test_pages", __name__, url_prefix="/app/test")

    @pages.get("/students")
    @requires("see_students")
    def students() -> str:
        return " ".join(db.session.scalars(select(Student.given_names)))  # forgot the school

    @pages.get("/messages")
    @requires("see_messages")
    def messages() -> str:
        return "messages"

    app.register_blueprint(pages)
    return app


@contextmanager
def application(settings: Settings) -> Iterator[APIFlask]:
    """An application with other settings than the fixture's."""
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()
