"""Changes to schools and who belongs to them. Callers own the transaction and are its owner."""

from __future__ import annotations

import re
import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import Membership, User
from central.errors import Conflict, NotFound
from central.schools.models import School, SiteKey

_SLUG = re.compile(r"[a-z0-9-]{2,40}")


def add_school(session: Session, *, slug: str, name: str, timezone: str) -> School:
    """A new school with its own site key. Raises Conflict for a slug that is taken or malformed."""
    if not _SLUG.fullmatch(slug):
        raise Conflict(f"slug: {slug!r} must be 2 to 40 of a-z, 0-9 and -")
    if session.scalar(select(School.id).where(School.slug == slug)) is not None:
        raise Conflict(f"slug: {slug!r} is taken; choose another")
    school = School(slug=slug, name=name, timezone=timezone)
    session.add(school)
    session.flush()
    session.add(SiteKey(school_id=school.id, key=secrets.token_bytes(32)))
    return school


def add_member(
    session: Session, *, slug: str, email: str, full_name: str, role: str, password_hash: str
) -> User:
    """Give a person a role in a school, creating the account if the e-mail is new.

    An existing account keeps its password and name. Raises NotFound for an unknown school.
    """
    school_id = session.scalar(select(School.id).where(School.slug == slug))
    if school_id is None:
        raise NotFound(f"school: {slug!r} does not exist; make it with create-school")
    email = email.strip().lower()
    user = session.scalars(select(User).where(User.email == email)).one_or_none()
    if user is None:
        user = User(email=email, full_name=full_name, password_hash=password_hash)
        session.add(user)
        session.flush()
    if session.get(Membership, (school_id, user.id, role)) is None:
        session.add(Membership(school_id=school_id, user_id=user.id, role=role))
    return user
