"""Who a session belongs to, and what the account pages show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, String, column, func, select, true
from sqlalchemy.orm import Session

from central.accounts.models import User, WebSession
from central.accounts.rules import SchoolSeen, SessionTimes, describe_browser
from central.db import enter_schools
from central.schools.models import School


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a session cookie proves."""

    session_hash: bytes
    times: SessionTimes
    school_id: int | None  # the school chosen last
    user_id: int
    full_name: str
    email: str
    locale: str
    roles_by_school: Mapping[int, frozenset[str]]


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One of a person's signed-in browsers, as their sessions page shows it."""

    session_hash: bytes
    browser: str  # "" when not recognised
    system: str
    created_at: datetime
    last_seen_at: datetime


def token_hash(token: str) -> bytes:
    """What the database keeps of a session or refresh token."""
    return sha256(token.encode()).digest()


def signed_in(session: Session, token: str, *, now: datetime) -> SignedIn | None:
    """The person whose live session has this cookie; None for everybody else."""
    membership = (
        func.memberships_of(User.id)
        .table_valued(column("school_id", BigInteger), column("role", String))
        .render_derived()
        .lateral()
    )
    rows = session.execute(
        select(
            WebSession.token_hash,
            WebSession.last_seen_at,
            WebSession.expires_at,
            WebSession.revoked_at,
            WebSession.school_id,
            User.id.label("user_id"),
            User.full_name,
            User.email,
            User.locale,
            membership.c.school_id.label("member_of"),
            membership.c.role,
        )
        .join(User, User.id == WebSession.user_id)
        .join(membership, true(), isouter=True)
        .where(WebSession.token_hash == token_hash(token), User.disabled_at.is_(None))
    ).all()
    if not rows:
        return None
    first = rows[0]
    times = SessionTimes(first.last_seen_at, first.expires_at, first.revoked_at)
    if not times.live(now):
        return None
    return SignedIn(
        session_hash=first.token_hash,
        times=times,
        school_id=first.school_id,
        user_id=first.user_id,
        full_name=first.full_name,
        email=first.email,
        locale=first.locale,
        roles_by_school=_by_school(rows),
    )


def roles_by_school(session: Session, user_id: int) -> Mapping[int, frozenset[str]]:
    """Every school that a person belongs to, with what they are there."""
    membership = func.memberships_of(user_id).table_valued(
        column("school_id", BigInteger), column("role", String)
    )
    columns = (membership.c.school_id.label("member_of"), membership.c.role)
    return _by_school(session.execute(select(*columns)).all())


def _by_school(rows: Iterable[Any]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for row in rows:
        if row.member_of is not None:
            found.setdefault(row.member_of, set()).add(row.role)
    return {school: frozenset(roles) for school, roles in found.items()}


def school_seen(session: Session, school_id: int) -> SchoolSeen:
    """The school of this id; the session must have entered it."""
    row = session.execute(
        select(School.id, School.name, School.timezone).where(School.id == school_id)
    ).one()
    return SchoolSeen(row.id, row.name, row.timezone)


def schools_named(session: Session, school_ids: Iterable[int]) -> list[SchoolSeen]:
    """Schools to choose from, by name. Leaves the session in all of them: enter one afterwards."""
    enter_schools(session, school_ids)
    rows = session.execute(select(School.id, School.name, School.timezone).order_by(School.name))
    return [SchoolSeen(row.id, row.name, row.timezone) for row in rows]


def own_sessions(session: Session, user_id: int, *, now: datetime) -> list[OwnSession]:
    """The browsers in which a person is signed in now, the one used last first."""
    rows = session.scalars(
        select(WebSession)
        .where(WebSession.user_id == user_id, WebSession.revoked_at.is_(None))
        .order_by(WebSession.last_seen_at.desc())
    )
    return [
        OwnSession(
            row.token_hash, *describe_browser(row.user_agent), row.created_at, row.last_seen_at
        )
        for row in rows
        if SessionTimes(row.last_seen_at, row.expires_at, None).live(now)
    ]


def still_signed_in(session: Session, session_hash: bytes, *, now: datetime) -> bool:
    """Whether a session is still good; for streams that outlive the request that opened them."""
    row = session.execute(
        select(WebSession.last_seen_at, WebSession.expires_at, WebSession.revoked_at)
        .join(User, User.id == WebSession.user_id)
        .where(WebSession.token_hash == session_hash, User.disabled_at.is_(None))
    ).one_or_none()
    return row is not None and SessionTimes(*row).live(now)
