"""API tokens: what opens, what renews, and what ends a chain."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import Membership, RefreshToken, User
from central.accounts.tokens import (
    ACCESS_LIFETIME,
    REFRESH_LIFETIME,
    Claims,
    Signer,
    end_chain,
    renew,
    start_chain,
    viewer_of,
)
from tests.builders import MORNING, a_school, a_user

SECRET = "a-secret-for-tests-that-is-long-enough-to-use"
CLAIMS = Claims(7, 3, frozenset({"director"}))
SessionAs = Callable[..., Session]


@pytest.fixture
def signer() -> Signer:
    return Signer(SECRET)


@pytest.fixture
def director(session: Session) -> Claims:
    school, user = a_school(session), a_user(session)
    session.add(Membership(school_id=school.id, user_id=user.id, role="director"))
    session.commit()
    return Claims(user.id, school.id, frozenset({"director"}))


@pytest.fixture
def web(session_as: SessionAs) -> Session:
    return session_as("web")


def test_an_access_token_says_who_and_where_until_it_expires(signer: Signer) -> None:
    token = signer.issue(CLAIMS, now=MORNING)

    assert signer.read(token, now=MORNING) == CLAIMS
    assert signer.read(token, now=MORNING + ACCESS_LIFETIME - timedelta(seconds=1)) == CLAIMS
    assert signer.read(token, now=MORNING + ACCESS_LIFETIME) is None


def test_another_installation_and_the_plain_secret_sign_other_tokens(signer: Signer) -> None:
    theirs = Signer("another-secret-that-is-long-enough-to-use").issue(CLAIMS, now=MORNING)
    payload = jwt.decode(theirs, options={"verify_signature": False})
    plain = jwt.encode(payload, SECRET, "HS256")

    assert signer.read(theirs, now=MORNING) is None
    assert signer.read(plain, now=MORNING) is None


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "school-attendance-device"},
        {"iss": "somebody-else"},
        {"exp": None},
        {"sub": None},
        {"school": None},
    ],
)
def test_a_token_of_ours_for_something_else_does_not_open_the_api(
    signer: Signer, change: dict[str, str | None]
) -> None:
    payload = jwt.decode(signer.issue(CLAIMS, now=MORNING), options={"verify_signature": False})
    changed = {k: v for k, v in (payload | change).items() if v is not None}

    token = jwt.encode(changed, signer._key, "HS256")

    assert signer.read(token, now=MORNING) is None


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "a" * 10_000])
def test_what_is_no_token_is_refused(signer: Signer, token: str) -> None:
    assert signer.read(token, now=MORNING) is None


def test_a_token_without_signature_is_refused(signer: Signer) -> None:
    _, body, _ = signer.issue(CLAIMS, now=MORNING).split(".")
    header = urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=")

    assert signer.read(f"{header.decode()}.{body}.", now=MORNING) is None


def test_a_changed_school_breaks_the_signature(signer: Signer) -> None:
    header, body, signature = signer.issue(CLAIMS, now=MORNING).split(".")
    payload = json.loads(urlsafe_b64decode(body + "=="))
    payload["school"] = 4
    changed = urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()

    assert signer.read(f"{header}.{changed}.{signature}", now=MORNING) is None


def test_each_link_renews_once(web: Session, signer: Signer, director: Claims) -> None:
    first = start_chain(web, signer, director, now=MORNING)
    second = renew(web, signer, first.refresh, now=MORNING)
    assert second is not None
    third = renew(web, signer, second.refresh, now=MORNING)
    assert third is not None

    assert len({first.refresh, second.refresh, third.refresh}) == 3
    assert signer.read(third.access, now=MORNING) == director


def test_using_a_link_again_ends_the_whole_chain(
    web: Session, signer: Signer, director: Claims
) -> None:
    stolen = start_chain(web, signer, director, now=MORNING)
    newest = renew(web, signer, stolen.refresh, now=MORNING)
    assert newest is not None

    assert renew(web, signer, stolen.refresh, now=MORNING) is None
    assert renew(web, signer, newest.refresh, now=MORNING) is None


def test_of_two_simultaneous_uses_only_one_can_succeed(
    session_as: SessionAs, signer: Signer, director: Claims
) -> None:
    client, thief = session_as("web"), session_as("web")
    pair = start_chain(client, signer, director, now=MORNING)
    client.commit()

    with ThreadPoolExecutor() as threads:
        won = renew(client, signer, pair.refresh, now=MORNING)
        waiting = threads.submit(renew, thief, signer, pair.refresh, now=MORNING)
        client.commit()
        lost = waiting.result(timeout=10)
    thief.commit()

    assert won is not None
    assert lost is None
    assert renew(client, signer, won.refresh, now=MORNING) is None


def test_ending_one_chain_leaves_the_others(web: Session, signer: Signer, director: Claims) -> None:
    one = start_chain(web, signer, director, now=MORNING)
    other = start_chain(web, signer, director, now=MORNING)

    end_chain(web, one.refresh, now=MORNING)
    end_chain(web, "never issued", now=MORNING)

    assert renew(web, signer, one.refresh, now=MORNING) is None
    assert renew(web, signer, other.refresh, now=MORNING) is not None


def test_a_link_lasts_a_school_holiday_and_no_longer(
    web: Session, signer: Signer, director: Claims
) -> None:
    pair = start_chain(web, signer, director, now=MORNING)
    late = start_chain(web, signer, director, now=MORNING)

    assert renew(web, signer, pair.refresh, now=MORNING + REFRESH_LIFETIME - timedelta(1))
    assert renew(web, signer, late.refresh, now=MORNING + REFRESH_LIFETIME) is None


def test_a_disabled_account_is_shut_out_at_once(
    web: Session, session: Session, signer: Signer, director: Claims
) -> None:
    pair = start_chain(web, signer, director, now=MORNING)
    web.commit()
    session.get_one(User, director.user_id).disabled_at = MORNING
    session.commit()

    assert viewer_of(web, director.user_id, director.school_id) is None
    assert renew(web, signer, pair.refresh, now=MORNING) is None


@pytest.mark.parametrize("left_with", [None, "guardian"])
def test_who_left_the_staff_is_shut_out_and_sees_no_school(
    web: Session, session: Session, signer: Signer, director: Claims, left_with: str | None
) -> None:
    pair = start_chain(web, signer, director, now=MORNING)
    web.commit()
    membership = session.scalars(select(Membership)).one()
    session.delete(membership)
    if left_with:
        session.add(
            Membership(school_id=director.school_id, user_id=director.user_id, role=left_with)
        )
    session.commit()

    assert viewer_of(web, director.user_id, director.school_id) is None
    assert web.scalars(select(Membership)).all() == []
    assert renew(web, signer, pair.refresh, now=MORNING) is None


def test_a_new_role_shows_in_the_next_access_token(
    web: Session, session: Session, signer: Signer, director: Claims
) -> None:
    pair = start_chain(web, signer, director, now=MORNING)
    web.commit()
    session.add(Membership(school_id=director.school_id, user_id=director.user_id, role="teacher"))
    session.commit()

    renewed = renew(web, signer, pair.refresh, now=MORNING)

    assert renewed is not None
    claims = signer.read(renewed.access, now=MORNING)
    assert claims is not None
    assert claims.roles == {"director", "teacher"}


def test_a_member_of_one_school_is_nobody_in_another(
    web: Session, session: Session, director: Claims
) -> None:
    other = a_school(session)
    session.commit()

    assert viewer_of(web, director.user_id, other.id) is None


def test_the_table_holds_no_token(web: Session, session: Session, director: Claims) -> None:
    pair = start_chain(web, Signer(SECRET), director, now=MORNING)
    web.commit()

    row = session.scalars(select(RefreshToken)).one()

    assert pair.refresh.encode() not in row.token_hash
    assert len(row.token_hash) == 32
