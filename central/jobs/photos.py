"""Waking a worker for photos, and telling gates to which key they seal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session, sessionmaker

from central.db import enter_schools
from central.logging import job_context
from central.media.photo_queries import schools_with_photo_work
from central.media.photo_service import renew_keys
from central.queue import Queue
from central.schools.queries import all_schools

# How long a photo lies sealed before it can be looked at.
LOOK_EVERY: Final = timedelta(seconds=3)
RENEW_EVERY: Final = timedelta(hours=1)

log = structlog.stdlib.get_logger(__name__)


class PhotoWatch:
    """``current`` is the public key of now; photos are kept for ``kept``."""

    def __init__(
        self, sessions: sessionmaker[Session], queue: Queue, current: bytes, kept: timedelta
    ) -> None:
        self._sessions = sessions
        self._queue = queue
        self._current = current
        self._kept = kept

    def look(self) -> None:
        """Wake a worker if a photo waits to be opened or deleted."""
        with job_context("look_for_photos"), self._sessions.begin() as session:
            waiting = schools_with_photo_work(session, now=datetime.now(UTC), kept=self._kept)
        if waiting:
            self._queue.wake_photos()

    def renew(self) -> None:
        """Have gates seal to the key of now; they get another one with their next roster."""
        with job_context("renew_photo_keys"):
            with self._sessions.begin() as session:
                enter_schools(session, all_schools(session))
                renewed = renew_keys(session, self._current)
            if renewed:
                log.info("photo_keys_renewed", schools=renewed)
