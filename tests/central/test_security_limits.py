"""How guessing passwords is slowed down, without locking out the people themselves."""

from __future__ import annotations

from dataclasses import replace

import redis
from apiflask import APIFlask
from sqlalchemy.orm import Session

from central.settings import Settings
from devkit.servers import Redis
from tests.builders import a_school
from tests.central.pages import Person, a_member, application, signed_in


def test_no_proxy_no_belief_in_its_headers(app: APIFlask, session: Session) -> None:
    user = a_member(session, a_school(session))
    person = Person(app)
    tries = [
        person.client.post(
            "/app/sign-in",
            data={"email": user.email, "password": "x", "csrf_token": person.form_token()},
            headers={"X-Forwarded-For": f"10.0.0.{number}"},
        ).status_code
        for number in range(9)
    ]

    assert tries[-1] == 429


def test_guessing_a_password_is_stopped_even_for_the_right_one(
    app: APIFlask, session: Session
) -> None:
    user = a_member(session, a_school(session))
    person = Person(app)

    tries = [person.sign_in(user, "wrong").status_code for _ in range(8)]
    stopped = person.sign_in(user)

    assert tries == [401] * 8
    assert stopped.status_code == 429
    assert 0 < int(stopped.headers["Retry-After"]) <= 300
    assert "Demasiados intentos" in stopped.text
    assert signed_in(app, user, address="10.0.0.9").cookie()  # the person elsewhere gets in


def test_guessing_tells_nobody_who_exists(app: APIFlask) -> None:
    person = Person(app)

    tries = [
        person.post("/app/sign-in", email="nadie@colegio.example", password="x").status_code
        for _ in range(9)
    ]

    assert tries == [401] * 8 + [429]


def test_signing_in_rightly_is_never_counted(app: APIFlask, session: Session) -> None:
    user = a_member(session, a_school(session))

    assert all(Person(app).sign_in(user).status_code == 303 for _ in range(9))


def test_failures_are_counted_in_redis_so_that_all_processes_know_them(
    settings: Settings, session: Session, redis_server: Redis
) -> None:
    user = a_member(session, a_school(session))
    with_redis = replace(settings, redis_url=redis_server.url(5))

    with application(with_redis) as app:
        tries = [Person(app).sign_in(user, "wrong").status_code for _ in range(8)]
    with application(with_redis) as another:
        stopped = Person(another).sign_in(user)

    assert tries == [401] * 8
    assert stopped.status_code == 429
    with redis.Redis.from_url(redis_server.url(5)) as store:
        keys = list(store.scan_iter())
    assert keys
    assert not any(user.email.encode() in key for key in keys)
