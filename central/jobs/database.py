"""How the job processes reach PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker

from central.settings import Settings

# A statement or a dead connection must not hold a worker longer than a lease lasts.
_LIMITS: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c statement_timeout=30s -c idle_in_transaction_session_timeout=60s",
}


def open_engine(settings: Settings, role: str, **options: Any) -> Engine:
    """Connections as the role of one process; values of rows never reach an error's text."""
    return create_engine(
        settings.database_url_for(role),
        hide_parameters=True,
        connect_args={**_LIMITS, "application_name": f"attendance-{role}"},
        **options,
    )


def open_sessions(settings: Settings, role: str) -> sessionmaker[Session]:
    """Sessions that survive a restart of the server: a stale connection is replaced unseen."""
    return sessionmaker(open_engine(settings, role, pool_pre_ping=True))
