"""Who may sign in, where, as what; and what they did."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from central.types import Json, UTCDateTime

ROLES = ("director", "inspector", "teacher", "technician", "guardian", "operator")


class User(Base):
    """A person who signs in. Belongs to schools by membership, so it carries no school itself."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("locale IN ('es', 'en')", name="locale_known"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str]
    password_hash: Mapped[str | None]  # argon2id; None for people who never use a password
    locale: Mapped[str] = mapped_column(server_default="es")
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())


class Membership(Base):
    """What a person is in a school; several roles are several rows."""

    __tablename__ = "memberships"
    __table_args__ = (
        CheckConstraint(f"role IN {ROLES}", name="role_known"),
        Index("ix_memberships_user_id", "user_id"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())


class WebSession(Base):
    """A signed-in browser. Only the hash of its cookie is kept, so the table opens no session."""

    __tablename__ = "web_sessions"
    __table_args__ = (Index("ix_web_sessions_user_id", "user_id"),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)  # SHA-256 of the cookie
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    school_id: Mapped[int | None] = mapped_column(ForeignKey("schools.id"))  # the school looked at
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    user_agent: Mapped[str | None]


class RefreshToken(Base):
    """One link of a chain of API refresh tokens; using a link twice revokes its whole family."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        Index("ix_refresh_tokens_family", "family"),
        Index("ix_refresh_tokens_user_id", "user_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)  # SHA-256
    family: Mapped[UUID]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class AuditEntry(Base):
    """Something a person did or looked at. Inserted, never changed: no role may update it."""

    __tablename__ = "audit_log"
    __table_args__ = (
        ForeignKeyConstraint(["actor_id"], ["users.id"]),
        Index("ix_audit_log_school_id_at", "school_id", "at"),
    )

    school_id: Mapped[int] = mapped_column(ForeignKey("schools.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, server_default=func.now())
    actor_id: Mapped[int | None] = mapped_column(BigInteger)  # None: the system itself
    action: Mapped[str]  # a stable code, such as signed_in
    subject: Mapped[str | None]  # what it was done to, such as student:12
    detail: Mapped[dict[str, Any]] = mapped_column(Json, server_default="{}")
