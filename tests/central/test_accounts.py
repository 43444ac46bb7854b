"""Accounts: passwords, sessions, roles; against PostgreSQL, as the web's own role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from threading import Thread
from time import perf_counter

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts import passwords, queries, service
from central.accounts.models import ROLES, AuditEntry, User, WebSession
from central.accounts.rules import (
    ABSOLUTE_LIMIT,
    IDLE_LIMIT,
    PERMISSIONS,
    STAFF_ROLES,
    SessionTimes,
    describe_browser,
    may,
    school_to_enter,
    staff_schools,
)
from central.errors import NotFound, WrongCredentials
from tests.builders import a_school
from tests.central.pages import PASSWORD, a_member

NOW = datetime(2026, 3, 4, 10, 50, tzinfo=UTC)
SessionAs = Callable[..., Session]

# argon2id of PASSWORD with 8 MiB and one pass
OLD_HASH = (
    "$argon2id$v=19$m=8192,t=1,p=1"
    "$TJjx329Qr7tJ2G2V69i9Sw$zpJHRVJP3m6fhjRj/GZPUSxj3pnw6Wisfxt5bwKRbGY"
)


def open_session(session: Session, user: User, *, now: datetime = NOW) -> service.OpenedSession:
    opened = service.sign_in(session, user.email, PASSWORD, now=now, user_agent=None)
    session.commit()
    return opened


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        ("director", "see_attendance", True),
        ("inspector", "see_messages", True),
        ("teacher", "see_attendance", True),
        ("teacher", "see_every_course", False),
        ("teacher", "see_messages", False),
        ("technician", "see_gates", True),
        ("technician", "see_messages", False),
        ("operator", "see_students", False),
        ("guardian", "see_students", False),
    ],
)
def test_what_a_role_may_do(role: str, permission: str, allowed: bool) -> None:
    assert may(role, permission) is allowed


def test_every_permission_is_held_by_known_roles_and_none_by_guardians() -> None:
    for permission, roles in PERMISSIONS.items():
        assert roles, permission
        assert roles <= set(ROLES), permission
        assert roles <= STAFF_ROLES, permission


def test_a_permission_that_does_not_exist_is_a_bug_and_says_so() -> None:
    with pytest.raises(KeyError):
        may("director", "see_atendance")


@pytest.mark.parametrize(
    ("times", "live"),
    [
        (SessionTimes(NOW, NOW + ABSOLUTE_LIMIT, None), True),
        (SessionTimes(NOW - IDLE_LIMIT, NOW + ABSOLUTE_LIMIT, None), False),
        (SessionTimes(NOW, NOW, None), False),
        (SessionTimes(NOW, NOW + ABSOLUTE_LIMIT, NOW - timedelta(seconds=1)), False),
    ],
)
def test_a_session_ends_when_idle_when_old_and_when_revoked(
    times: SessionTimes, live: bool
) -> None:
    assert times.live(NOW) is live


def test_a_school_is_entered_alone_if_it_is_the_only_one_else_the_person_chooses() -> None:
    schools = staff_schools({1: ["guardian"], 2: ["teacher"], 3: ["guardian", "director"]})

    assert schools == (2, 3)
    assert school_to_enter(None, (2,)) == 2
    assert school_to_enter(None, schools) is None
    assert school_to_enter(3, schools) == 3
    assert school_to_enter(1, schools) is None
    assert school_to_enter(None, ()) is None


@pytest.mark.parametrize(
    ("user_agent", "described"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36", ("Chrome", "Linux")),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0", ("Edge", "Windows")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Safari/604", ("Safari", "iPhone")),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Firefox/140.0", ("Firefox", "Android")),
        (None, ("", "")),
    ],
)
def test_a_browser_is_named_as_people_call_it(
    user_agent: str | None, described: tuple[str, str]
) -> None:
    assert describe_browser(user_agent) == described


def test_a_password_is_recognised_in_either_unicode_form_and_no_other_is() -> None:
    stored = passwords.hash_password("contrasen\u0303a")

    assert stored.startswith("$argon2id$")
    assert passwords.verify_password(stored, "contrase\u00f1a")
    assert not passwords.verify_password(stored, "contrasena")
    assert not passwords.verify_password("not a hash", "contrasena")


def test_a_wrong_name_costs_what_a_wrong_password_costs(session: Session) -> None:
    user = a_member(session, a_school(session))

    def seconds(email: str) -> float:
        started = perf_counter()
        with pytest.raises(WrongCredentials):
            service.authenticate(session, email, "wrong")
        return perf_counter() - started

    known = median(seconds(user.email) for _ in range(5))
    unknown = median(seconds("nobody@colegio.example") for _ in range(5))

    # same parameters, so the same work; skipping it would take a hundredth of the time
    assert passwords.outdated(passwords.NOBODY) is False
    assert known / 3 < unknown < known * 3


def test_many_at_once_wait_their_turn_and_all_get_in(session: Session) -> None:
    stored = passwords.hash_password(PASSWORD)
    answers: list[bool] = []
    threads = [
        Thread(target=lambda: answers.append(passwords.verify_password(stored, PASSWORD)))
        for _ in range(6)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert answers == [True] * 6


@pytest.mark.parametrize("flaw", ["disabled", "no password", "wrong password", "endless password"])
def test_signing_in_fails_in_one_way_whatever_is_wrong(session: Session, flaw: str) -> None:
    user = a_member(session, a_school(session))
    user.disabled_at = NOW if flaw == "disabled" else None
    if flaw == "no password":
        user.password_hash = None
    session.commit()
    password = {"wrong password": "x", "endless password": PASSWORD * 100}.get(flaw, PASSWORD)

    with pytest.raises(WrongCredentials) as refused:
        service.sign_in(session, user.email, password, now=NOW, user_agent=None)

    assert refused.value.detail == ""
    assert session.scalars(select(WebSession)).all() == []


def test_the_web_role_signs_people_in_and_the_school_has_it_on_record(
    session: Session, session_as: SessionAs
) -> None:
    school = a_school(session)
    user = a_member(session, school)
    web = session_as("web")

    opened = open_session(web, user)

    found = queries.signed_in(web, opened.token, now=NOW)
    assert found is not None
    assert (found.user_id, found.school_id) == (user.id, school.id)
    assert found.roles_by_school == {school.id: {"director"}}
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.school_id, entry.actor_id, entry.action) == (school.id, user.id, "signed_in")


def test_only_the_hash_of_a_token_is_kept(session: Session) -> None:
    user = a_member(session, a_school(session))

    opened = open_session(session, user)

    kept = session.scalars(select(WebSession)).one()
    assert len(opened.token) >= 43  # 32 random bytes
    assert opened.token.encode() not in kept.token_hash
    assert kept.token_hash == queries.token_hash(opened.token)


def test_a_hash_of_older_parameters_is_renewed_at_the_next_sign_in(session: Session) -> None:
    user = a_member(session, a_school(session))
    user.password_hash = OLD_HASH
    session.commit()

    open_session(session, user)

    assert user.password_hash != OLD_HASH
    assert not passwords.outdated(user.password_hash)


def test_disabling_a_person_ends_their_sessions_at_once(session: Session) -> None:
    user = a_member(session, a_school(session))
    opened = open_session(session, user)
    hashed = queries.token_hash(opened.token)
    assert queries.still_signed_in(session, hashed, now=NOW)

    user.disabled_at = NOW
    session.commit()

    assert queries.signed_in(session, opened.token, now=NOW) is None
    assert not queries.still_signed_in(session, hashed, now=NOW)


def test_nobody_ends_a_session_of_somebody_else(session: Session) -> None:
    school = a_school(session)
    mine, theirs = a_member(session, school), a_member(session, school)
    token = open_session(session, theirs).token

    with pytest.raises(NotFound):
        service.revoke_session(session, mine.id, queries.token_hash(token), now=NOW)

    assert queries.signed_in(session, token, now=NOW) is not None


def test_ending_the_other_sessions_keeps_this_one(session: Session) -> None:
    user = a_member(session, a_school(session))
    here = open_session(session, user).token
    elsewhere = [open_session(session, user).token for _ in range(2)]
    this = queries.signed_in(session, here, now=NOW)
    assert this is not None

    ended = service.revoke_other_sessions(session, this, now=NOW)

    assert ended == 2
    assert queries.signed_in(session, here, now=NOW) is not None
    assert all(queries.signed_in(session, token, now=NOW) is None for token in elsewhere)
    assert [own.session_hash for own in queries.own_sessions(session, user.id, now=NOW)] == [
        this.session_hash
    ]


def test_a_person_enters_only_schools_where_they_are_staff(session: Session) -> None:
    first, second, strange = (a_school(session) for _ in range(3))
    user = a_member(session, first, second)
    token = open_session(session, user).token
    found = queries.signed_in(session, token, now=NOW)
    assert found is not None
    assert found.school_id is None

    service.choose_school(session, found, second.id)

    with pytest.raises(NotFound):
        service.choose_school(session, found, strange.id)
    again = queries.signed_in(session, token, now=NOW)
    assert again is not None
    assert again.school_id == second.id
