"""Signing in and out, and the record of what people did. The caller commits."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central.accounts import passwords
from central.accounts.models import AuditEntry, User, WebSession
from central.accounts.queries import SignedIn, roles_by_school, token_hash
from central.accounts.rules import ABSOLUTE_LIMIT, school_to_enter, staff_schools
from central.db import enter_schools
from central.errors import NotFound, WrongCredentials

LONGEST_PASSWORD = 1024  # beyond it nobody types; hashing megabytes would be a cheap attack


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new sign-in. ``token`` goes into the browser's cookie and is kept nowhere else."""

    token: str
    user_id: int
    locale: str


def authenticate(session: Session, email: str, password: str) -> User:
    """The person with this e-mail and password.

    Raises WrongCredentials after the same work whatever is wrong: nobody of that name, another
    password, an account without a password or a disabled one. Raises Busy under a flood.
    """
    user = session.scalars(select(User).where(User.email == email.strip().lower())).one_or_none()
    usable = user is not None and user.disabled_at is None and user.password_hash is not None
    stored = user.password_hash if user is not None and usable else None
    matches = passwords.verify_password(stored or passwords.NOBODY, password[:LONGEST_PASSWORD])
    if user is None or stored is None or not matches or len(password) > LONGEST_PASSWORD:
        raise WrongCredentials
    if passwords.outdated(stored):
        user.password_hash = passwords.hash_password(password)
    return user


def sign_in(
    session: Session, email: str, password: str, *, now: datetime, user_agent: str | None
) -> OpenedSession:
    """Open a session under a fresh token. Raises WrongCredentials and Busy."""
    user = authenticate(session, email, password)
    token = secrets.token_urlsafe(32)
    school = school_to_enter(None, staff_schools(roles_by_school(session, user.id)))
    session.add(
        WebSession(
            token_hash=token_hash(token),
            user_id=user.id,
            school_id=school,
            created_at=now,
            last_seen_at=now,
            expires_at=now + ABSOLUTE_LIMIT,
            user_agent=(user_agent or "")[:300] or None,
        )
    )
    session.flush()
    if school is not None:
        enter_schools(session, [school])
        record(session, school, user.id, "signed_in")
    return OpenedSession(token, user.id, user.locale)


def sign_out(session: Session, token: str, *, now: datetime) -> None:
    """End the session of this cookie. Repeating, or an unknown cookie, changes nothing."""
    _revoke(session, WebSession.token_hash == token_hash(token), now=now)


def revoke_session(session: Session, user_id: int, session_hash: bytes, *, now: datetime) -> None:
    """End one of a person's own sessions. Raises NotFound for anybody else's."""
    own = (WebSession.user_id == user_id) & (WebSession.token_hash == session_hash)
    if not _revoke(session, own, now=now):
        raise NotFound("no such session")


def revoke_other_sessions(session: Session, signed_in: SignedIn, *, now: datetime) -> int:
    """End a person's sessions in every other browser; how many there were."""
    others = (WebSession.user_id == signed_in.user_id) & (
        WebSession.token_hash != signed_in.session_hash
    )
    return _revoke(session, others, now=now)


def _revoke(session: Session, which: Any, *, now: datetime) -> int:
    ended = session.execute(
        update(WebSession)
        .where(which, WebSession.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(WebSession.token_hash)
    )
    return len(ended.all())


def touch(session: Session, session_hash: bytes, *, now: datetime) -> None:
    """Note that the browser is in use."""
    session.execute(
        update(WebSession).where(WebSession.token_hash == session_hash).values(last_seen_at=now)
    )


def choose_school(session: Session, signed_in: SignedIn, school_id: int) -> None:
    """Look at another of one's schools. Raises NotFound where the person is not staff."""
    if school_id not in staff_schools(signed_in.roles_by_school):
        raise NotFound("no such school")
    session.execute(
        update(WebSession)
        .where(WebSession.token_hash == signed_in.session_hash)
        .values(school_id=school_id)
    )
    enter_schools(session, [school_id])
    record(session, school_id, signed_in.user_id, "entered_school")


def choose_language(session: Session, user_id: int, locale: str) -> None:
    """Show the pages to this person in ``es`` or ``en``, in every browser."""
    session.execute(update(User).where(User.id == user_id).values(locale=locale))


def record(
    session: Session,
    school_id: int,
    actor_id: int | None,
    action: str,
    subject: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add to the school's audit log, in the caller's transaction.

    ``action`` is a stable code in the past tense; ``subject`` names a row, such as ``student:12``.
    The session must have entered the school.
    """
    session.add(
        AuditEntry(
            school_id=school_id,
            actor_id=actor_id,
            action=action,
            subject=subject,
            detail=dict(detail or {}),
        )
    )
    session.flush()
