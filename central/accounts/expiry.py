"""Deleting what can open nothing any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CursorResult, delete
from sqlalchemy.orm import Session

from central.accounts.models import RefreshToken, WebSession


def delete_expired(session: Session, *, now: datetime) -> int:
    """Remove expired web sessions and refresh tokens; returns how many. Repeating is safe."""
    deleted = 0
    for table in (WebSession, RefreshToken):
        result = session.execute(
            delete(table).where(table.expires_at < now).execution_options(synchronize_session=False)
        )
        assert isinstance(result, CursorResult)
        deleted += result.rowcount
    return deleted
