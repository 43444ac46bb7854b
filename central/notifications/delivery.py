"""Sending what the table owes. Run by a job, woken by ingest and by the scheduler's sweep.

Safe to run many times at once. A row is claimed under a lease and committed before its request
is written, so no other worker sends it; its result is written as soon as the answer is there. A
worker that is killed leaves at most ``width`` claimed rows behind, which lapse to ``unknown``.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final

import structlog
from sqlalchemy.orm import Session, sessionmaker

from central.db import enter_schools
from central.notifications import queries, service
from central.notifications.channel import Channel, Message, Outcome, Unanswered
from central.notifications.rules import Step, next_step, reason_to_withhold, withheld
from central.notifications.throttle import Throttle

# With Meta's usual quarter of a second an answer, somewhat more than a number's 80 a second.
WIDTH: Final = 32
# Longer than any request (connecting 2 s, each wait for data 7 s), with room for a slow machine.
LEASE: Final = timedelta(seconds=60)
# A run ends here and wakes the next, so that a worker shows signs of life on a long morning.
LONGEST_RUN: Final = timedelta(minutes=1)

log = structlog.stdlib.get_logger(__name__)

Settled = tuple[Message, Step]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Run:
    """What is on its way during one drain, what came of it, and what it amounts to."""

    ends_at: datetime
    sending: dict[Future[Outcome], Message]
    settled: list[Settled]
    handled: int = 0


class Delivery:
    """Drains the queue of one process. Keeps its threads and their connections between runs."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        channel: Channel,
        *,
        width: int = WIDTH,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._channel = channel
        self._threads = ThreadPoolExecutor(width, thread_name_prefix="send")
        self._throttle = Throttle(width)
        self._clock = clock
        self._stopping = Event()

    def stop(self) -> None:
        """Claim nothing more; a running drain ends when what it has claimed is settled."""
        self._stopping.set()

    def close(self) -> None:
        self.stop()
        self._threads.shutdown()

    def drain(self) -> bool:
        """Send what is due until nothing is; returns whether it left something for a next run.

        Raises what the database raises; what was on its way then lapses to ``unknown``.
        """
        now = self._clock()
        run = Run(ends_at=now + LONGEST_RUN, sending={}, settled=[])
        self._lapse(now)
        try:
            while self._claim_and_record(run):
                self._await_answers(run)
        finally:
            wait(run.sending)  # no thread may still be busy when the next run fills them
        if run.handled:
            log.info("drained", messages=run.handled)
        return self._clock() >= run.ends_at

    def _lapse(self, now: datetime) -> None:
        with self._sessions.begin() as session:
            schools = queries.schools_with_lapsed(session, now)
            if schools:
                enter_schools(session, schools)
                lost = service.lapse(session, schools, now=now)
                log.warning("leases_lapsed", messages=lost)

    def _claim_and_record(self, run: Run) -> bool:
        """One commit: what has been settled, and what is taken next. False at the end."""
        now = self._clock()
        room = self._room(run, now)
        if not room and not run.settled:
            return bool(run.sending)
        with self._sessions.begin() as session:
            due = queries.schools_with_due(session, now) if room else []
            enter_schools(session, {*due, *(message.school_id for message, _ in run.settled)})
            service.record_steps(session, run.settled, now=now)
            claimed = self._claim(session, due, room, now)
        run.handled += len(run.settled)
        run.settled.clear()
        for message in claimed:
            self._begin(run, message, now)
        return bool(claimed or run.sending)

    def _room(self, run: Run, now: datetime) -> int:
        if self._stopping.is_set() or now >= run.ends_at:
            return 0
        return self._throttle.room(len(run.sending), now)

    def _claim(self, session: Session, due: list[int], room: int, now: datetime) -> list[Message]:
        if not due:
            return []
        return service.claim_due(session, due, now=now, lease_until=now + LEASE, most=room)

    def _begin(self, run: Run, message: Message, now: datetime) -> None:
        reason = reason_to_withhold(message, now)
        if reason is None:
            run.sending[self._threads.submit(self._channel.send, message)] = message
        else:
            run.settled.append((message, withheld(reason)))

    def _await_answers(self, run: Run) -> None:
        """Wait for an answer, unless something is to be written down already."""
        if not run.sending:
            return
        answered, _ = wait(
            run.sending, timeout=0 if run.settled else None, return_when=FIRST_COMPLETED
        )
        now = self._clock()
        for future in answered:
            message = run.sending.pop(future)
            outcome = _outcome_of(future)
            self._throttle.learn(outcome, now=now, jitter=random.random())  # noqa: S311  (no secret)
            step = next_step(message, outcome, now=now, jitter=random.random())  # noqa: S311
            run.settled.append((message, step))


def _outcome_of(future: Future[Outcome]) -> Outcome:
    """A channel does not raise; if one does, its message may have gone out."""
    error = future.exception()
    if error is None:
        return future.result()
    log.error("channel_failed", exc_info=error)
    return Unanswered(type(error).__name__)
