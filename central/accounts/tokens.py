"""Tokens with which programs use the API: a short one that opens it, a long one that renews it.

The access token is a JWT (RFC 7519). It says who and in which school; what that person may do is
looked up again at each request, so disabling an account or ending a membership takes effect at
once. Refresh tokens are single links of a chain (RFC 9700, 4.14.2): each works once, and using one
a second time, which only a thief or a broken client does, ends the whole chain.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import jwt
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central.accounts.models import Membership, RefreshToken, User
from central.accounts.queries import token_hash
from central.accounts.rules import SchoolSeen, Viewer, staff_schools
from central.db import enter_schools
from central.schools.models import School

ISSUER: Final = "school-attendance"
AUDIENCE: Final = "school-attendance-api"
ALGORITHM: Final = "HS256"

# Long enough for a page of work, short enough that a leaked one is soon worthless.
ACCESS_LIFETIME: Final = timedelta(minutes=15)
# A program that was idle through a school holiday of four weeks goes on without a person.
REFRESH_LIFETIME: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid access token says. The roles are those at the time of issue, to be shown."""

    user_id: int
    school_id: int
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Shown once to the client; of the refresh token only a hash is kept."""

    access: str
    refresh: str


class Signer:
    """Issues and reads access tokens. Its key is derived, so it signs nothing else of ours."""

    def __init__(self, secret_key: str) -> None:
        self._key = hmac.new(secret_key.encode(), b"api access token", hashlib.sha256).digest()

    def issue(self, claims: Claims, *, now: datetime) -> str:
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(claims.user_id),
            "school": claims.school_id,
            "roles": sorted(claims.roles),
            "iat": int(now.timestamp()),
            "exp": int((now + ACCESS_LIFETIME).timestamp()),
        }
        return jwt.encode(payload, self._key, ALGORITHM)

    def read(self, token: str, *, now: datetime) -> Claims | None:
        """What the token says; None if it is not ours, was changed or has expired."""
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],  # never the token's own choice, which may be "none"
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": ["exp", "iat", "sub", "school", "roles"],
                    "verify_exp": False,  # both below, against the clock that was passed in
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError:
            return None
        if now >= datetime.fromtimestamp(payload["exp"], UTC):
            return None
        return _claims(payload)


def _claims(payload: Mapping[str, Any]) -> Claims:
    return Claims(int(payload["sub"]), int(payload["school"]), frozenset(payload["roles"]))


def viewer_of(session: Session, user_id: int, school_id: int) -> Viewer | None:
    """The person as of now in that school, entering it; None when no longer on its staff."""
    enter_schools(session, [school_id])
    rows = session.execute(
        select(User.full_name, User.email, User.locale, School.name, School.timezone)
        .add_columns(Membership.role)
        .join(Membership, Membership.user_id == User.id)
        .join(School, School.id == Membership.school_id)
        .where(User.id == user_id, User.disabled_at.is_(None), School.id == school_id)
    ).all()
    roles = frozenset(row.role for row in rows)
    schools = staff_schools({school_id: roles})
    if not schools:
        enter_schools(session, [])
        return None
    first = rows[0]
    school = SchoolSeen(school_id, first.name, first.timezone)
    return Viewer(user_id, first.full_name, first.email, first.locale, school, roles, schools)


def start_chain(session: Session, signer: Signer, claims: Claims, *, now: datetime) -> TokenPair:
    """The first pair after a person signed in. The caller commits before handing it out."""
    return _next_pair(session, signer, claims, uuid4(), now=now)


def renew(session: Session, signer: Signer, refresh: str, *, now: datetime) -> TokenPair | None:
    """The next pair of the chain, using this link up.

    None for a link that is unknown, expired, revoked or used before, or whose person left; the
    chain it belongs to is ended then. The caller commits in either case.
    """
    link = session.execute(
        update(RefreshToken)  # one statement, so of two simultaneous uses only one succeeds
        .where(
            RefreshToken.token_hash == token_hash(refresh),
            RefreshToken.used_at.is_(None),
            RefreshToken.revoked_at.is_(None),
            RefreshToken.expires_at > now,
        )
        .values(used_at=now)
        .returning(RefreshToken.family, RefreshToken.user_id, RefreshToken.school_id)
    ).one_or_none()
    viewer = viewer_of(session, link.user_id, link.school_id) if link else None
    if link is None or viewer is None:
        end_chain(session, refresh, now=now)
        return None
    claims = Claims(viewer.user_id, link.school_id, viewer.roles)
    return _next_pair(session, signer, claims, link.family, now=now)


def end_chain(session: Session, refresh: str, *, now: datetime) -> None:
    """Make every refresh token of this one's chain useless. An unknown one changes nothing."""
    family = select(RefreshToken.family).where(RefreshToken.token_hash == token_hash(refresh))
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.family == family.scalar_subquery(), RefreshToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def _next_pair(
    session: Session, signer: Signer, claims: Claims, family: UUID, *, now: datetime
) -> TokenPair:
    refresh = secrets.token_urlsafe(32)
    session.add(
        RefreshToken(
            token_hash=token_hash(refresh),
            family=family,
            user_id=claims.user_id,
            school_id=claims.school_id,
            created_at=now,
            expires_at=now + REFRESH_LIFETIME,
        )
    )
    session.flush()
    return TokenPair(signer.issue(claims, now=now), refresh)
