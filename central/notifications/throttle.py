"""How many messages a worker may have on their way, by how the provider has answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from central.notifications.channel import (
    Accepted,
    Outcome,
    Recorded,
    Refused,
    Unanswered,
    Unreachable,
)
from central.notifications.rules import Meaning, halt_after, meaning_of, retry_delay

log = structlog.stdlib.get_logger(__name__)

OPERATOR: Final = "operator_needed"  # what alarms look for
TELL_AGAIN_AFTER: Final = timedelta(hours=1)


class Throttle:
    """Lets a worker send at full width, one by one, or not at all.

    After a fault of the whole channel nothing is sent for a while; then one message tries the
    ground, and each success admits one more beside it. One thread uses it.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._allowed = width
        self._rests_until: datetime | None = None
        self._faults = 0  # in a row, each after the rest that the one before it caused
        self._faulty = False
        self._told_at: dict[str, datetime] = {}

    def room(self, on_their_way: int, now: datetime) -> int:
        """How many more messages may be claimed."""
        if self._resting(now):
            return 0
        return max(0, self._allowed - on_their_way)

    def learn(self, outcome: Outcome, *, now: datetime, jitter: float) -> None:
        """Take note of how a send ended."""
        if isinstance(outcome, Accepted | Recorded):
            self._succeed()
        elif isinstance(outcome, Unreachable | Unanswered):
            # A provider that hangs would swallow message after message as ``unknown``.
            self._rest(retry_delay(self._faults + 1, jitter), now, outcome.reason)
        elif isinstance(outcome, Refused):
            self._heed(outcome, now, jitter)

    def _heed(self, refused: Refused, now: datetime, jitter: float) -> None:
        meaning = meaning_of(refused)
        if meaning is Meaning.SLOW_DOWN:
            self._rest(retry_delay(self._faults + 1, jitter), now, "too_many_messages")
        elif meaning is Meaning.HALT:
            self._tell_operator("sending_halted", refused, now)
            self._rest(halt_after(refused), now, "halted")
        elif meaning is Meaning.DEAD_LETTER:
            self._tell_operator("message_refused_as_wrong", refused, now)

    def _resting(self, now: datetime) -> bool:
        return self._rests_until is not None and now < self._rests_until

    def _rest(self, duration: timedelta, now: datetime, reason: str) -> None:
        if self._resting(now):
            return  # this one was sent before the rest began
        if not self._faulty:
            log.warning("sending_rests", reason=reason)
        self._faulty = True
        self._faults += 1
        self._allowed = 1
        self._rests_until = now + duration

    def _succeed(self) -> None:
        if self._faulty:
            log.info("sending_goes_on")
        self._faulty = False
        self._faults = 0
        self._allowed = min(self._width, self._allowed + 1)

    def _tell_operator(self, event: str, refused: Refused, now: datetime) -> None:
        """Loudly, but not once for each message that meets the same fault."""
        key = f"{event} {refused.code}"
        told_at = self._told_at.get(key)
        if told_at is None or now - told_at >= TELL_AGAIN_AFTER:
            log.error(event, code=refused.code, http_status=refused.http_status, action=OPERATOR)
            self._told_at[key] = now
