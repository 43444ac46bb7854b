"""Telling gates what they are to know, a moment after somebody decided it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session, sessionmaker

from central.db import enter_schools
from central.devices.health_service import forget_health
from central.devices.steering_service import (
    News,
    lifetime,
    news_for_gates,
    schools_with_news,
    told,
)
from central.jobs.post import BrokerUnavailable, Letter, Post
from central.logging import job_context
from central.schools.queries import all_schools

STEER_EVERY: Final = timedelta(seconds=1)  # how long a technician waits for a gate to react
HEALTH_KEPT: Final = timedelta(days=30)

log = structlog.stdlib.get_logger(__name__)


class Steering:
    """The jobs that speak to gates and keep the record of what these said."""

    def __init__(self, sessions: sessionmaker[Session], post: Post) -> None:
        self._sessions = sessions
        self._post = post

    def steer(self) -> None:
        """Publish what is to be told. It stays to be told until the broker has it."""
        with job_context("steer"):
            with self._sessions.begin() as session:
                schools = schools_with_news(session)
            for school_id in schools:
                self._steer_school(school_id)

    def forget(self) -> None:
        """Delete the history of health that nobody looks at any more."""
        with job_context("forget_health"), self._sessions.begin() as session:
            enter_schools(session, all_schools(session))
            forget_health(session, before=datetime.now(UTC) - HEALTH_KEPT)

    def _steer_school(self, school_id: int) -> None:
        now = datetime.now(UTC)
        with self._sessions.begin() as session:
            enter_schools(session, [school_id])
            news = news_for_gates(session, school_id, now=now)
        if not news:
            return
        try:
            self._post.deliver([_letter(one, now) for one in news])
        except BrokerUnavailable as error:
            log.warning("gates_not_told", school=school_id, reason=str(error))
            return
        with self._sessions.begin() as session:
            enter_schools(session, [school_id])
            told(session, school_id, news, now=datetime.now(UTC))
        log.info("gates_told", school=school_id, messages=len(news))


def _letter(news: News, now: datetime) -> Letter:
    left = lifetime(news, now=now)
    return Letter(news.topic, news.payload, None if left is None else int(left.total_seconds()))
