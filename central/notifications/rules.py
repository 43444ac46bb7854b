"""What to do with a message: pure policy, no clock and no I/O.

The meanings of the WhatsApp codes are those of Meta's error page
(https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from central.notifications.channel import (
    Accepted,
    Message,
    Outcome,
    Recorded,
    Refused,
    Unanswered,
)

RETRY_DELAYS: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 4, 16, 64))
# About eight minutes. More would let one message that the provider cannot digest hold back all
# that its guardian should get; fewer would lose a morning to a short outage.
MOST_ATTEMPTS: Final = 10
PAIR_WAIT: Final = timedelta(seconds=6)  # Meta takes one message to a person in that time
# A late "has arrived" alarms more than it informs; the log still shows that it was not sent.
EXPIRES_AFTER: Final = timedelta(hours=2)
# What corrects an alarm, or says who took a child, is worth knowing all day.
_EXPIRES_AFTER: Final = {
    "absence": timedelta(hours=3),
    "arrived_after_alert": timedelta(hours=12),
    "withdrawal": timedelta(hours=12),
    "calendar_change": timedelta(hours=24),
}
# Better two of these than none.
REPEATED: Final = frozenset({"absence"})
# The provider's webhook mostly tells within seconds what became of a send without an answer.
REPEAT_AFTER: Final = timedelta(minutes=1)
MOST_UNANSWERED: Final = 3


class Meaning(Enum):
    """What an answer of the provider asks of us."""

    RETRY = auto()  # its own trouble, may pass
    SPARE_GUARDIAN = auto()  # too many messages to this person in a moment
    SLOW_DOWN = auto()  # too many messages from this number in a moment
    GIVE_UP = auto()  # this person cannot be reached by this channel
    DEAD_LETTER = auto()  # the message itself is wrong: a person must mend template or code
    HALT = auto()  # nothing can be sent until a person acts


_CODES: Final = {
    Meaning.RETRY: (1, 2, 131000, 131016, 133004),
    Meaning.SPARE_GUARDIAN: (131056,),
    Meaning.SLOW_DOWN: (4, 80007, 130429),
    # 131026 hides its reason: not on WhatsApp, an old app, terms not accepted, or a block.
    # 131049 and 131050 are about marketing, 130472 about an experiment of Meta's.
    Meaning.GIVE_UP: (130472, 130497, 131021, 131026, 131030, 131049, 131050),
    Meaning.DEAD_LETTER: (
        *(100, 131008, 131009, 131047, 131051),
        *(132000, 132001, 132005, 132007, 132012, 132015, 132016, 132068, 132069),
    ),
    Meaning.HALT: (0, 3, 10, 33, 190, 200, 368, 131005, 131031, 131042, 131045, 131048),
}
_MEANINGS: Final = {code: meaning for meaning, codes in _CODES.items() for code in codes}
SPAM_RATE_LIMIT: Final = 131048
# Trying on would make the number's rating worse.
_LONG_HALT: Final = timedelta(minutes=15)
# Long enough not to hammer, short enough to go on at once after the operator's repair.
_HALT: Final = timedelta(minutes=1)


def meaning_of(refused: Refused) -> Meaning:
    """What a refusal asks of us; by its code, else by its HTTP status."""
    if refused.code in _MEANINGS:
        return _MEANINGS[refused.code]
    if refused.http_status == 429:
        return Meaning.SLOW_DOWN
    if refused.http_status in (401, 403):
        return Meaning.HALT
    return Meaning.RETRY if refused.http_status >= 500 else Meaning.DEAD_LETTER


def halt_after(refused: Refused) -> timedelta:
    """How long to send nothing after an answer that means ``HALT``."""
    return _LONG_HALT if refused.code == SPAM_RATE_LIMIT else _HALT


def retry_delay(attempt: int, jitter: float) -> timedelta:
    """How long to wait after the ``attempt``-th failure (from 1); ``jitter`` is in [0, 1).

    Jitter adds up to a half, so that messages that failed together do not return together.
    """
    delay = RETRY_DELAYS[min(attempt, len(RETRY_DELAYS)) - 1]
    return delay * (1 + jitter / 2)


def reason_to_withhold(message: Message, now: datetime) -> str | None:
    """Why a message that is due must not be sent after all, as a stable code."""
    if message.stopped:
        return "guardian_stopped"
    if message.moot:
        return "moot"
    if now - message.fact_at >= _EXPIRES_AFTER.get(message.kind, EXPIRES_AFTER):
        return "expired"
    if not message.phone:
        return "no_phone"
    if not message.given_name.strip() or (message.gate is not None and not message.gate.strip()):
        return "empty_parameter"  # the provider refuses it, with an error that says little
    return None


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a message: its status, and from when it may be tried again.

    ``counts`` tells whether the provider had a try at it. ``error`` is a stable code of ours, or
    what the provider said.
    """

    status: str
    due_at: datetime | None = None
    counts: bool = True
    provider_id: str | None = None
    error_code: int | None = None
    error: str | None = None


def withheld(reason: str) -> Step:
    """The end of a message that was not sent.

    A wish of the guardian, and what is no longer so, is ``recorded``, as with sending switched
    off; the rest has ``failed``.
    """
    status = "recorded" if reason in ("guardian_stopped", "moot") else "failed"
    return Step(status, counts=False, error=reason)


def next_step(message: Message, outcome: Outcome, *, now: datetime, jitter: float) -> Step:
    """What becomes of ``message`` after a send ended in ``outcome``."""
    if isinstance(outcome, Accepted):
        return Step("sent", provider_id=outcome.provider_id)
    if isinstance(outcome, Recorded):
        return Step("recorded", counts=False)
    if isinstance(outcome, Unanswered):
        # It may have arrived. Two messages about one arrival are worse than none; the provider's
        # webhook tells which it was.
        if message.kind in REPEATED and message.attempts + 1 < MOST_UNANSWERED:
            due_at = now + REPEAT_AFTER * (1 + jitter / 2)
            return Step("queued", due_at=due_at, error=outcome.reason)
        return Step("unknown", error=outcome.reason)
    if isinstance(outcome, Refused):
        return _after_refusal(message, outcome, now, jitter)
    # Nothing left this machine: the whole channel waits (see throttle.py), and so does this.
    return Step("queued", due_at=now, counts=False, error=outcome.reason)


def _after_refusal(message: Message, refused: Refused, now: datetime, jitter: float) -> Step:
    meaning = meaning_of(refused)
    code, text = refused.code, refused.text
    if meaning in (Meaning.GIVE_UP, Meaning.DEAD_LETTER):
        return Step("failed", error_code=code, error=text)
    if meaning is Meaning.SPARE_GUARDIAN:
        due_at = now + PAIR_WAIT * (1 + jitter / 2)
        return Step("queued", due_at, counts=False, error_code=code, error=text)
    if meaning in (Meaning.HALT, Meaning.SLOW_DOWN):
        return Step("queued", now, counts=False, error_code=code, error=text)
    attempt = message.attempts + 1
    if attempt >= MOST_ATTEMPTS:
        return Step("failed", error_code=code, error=text)
    return Step("queued", now + retry_delay(attempt, jitter), error_code=code, error=text)


REPORTS: Final = ("sent", "delivered", "read", "failed")
# Delivered beats failed: with several devices one may fail and another show the message.
_RANK: Final = {
    "queued": 0,
    "sending": 0,
    "unknown": 0,
    "sent": 1,
    "failed": 2,
    "delivered": 3,
    "read": 4,
}


def advance(current: str, reported: str) -> str:
    """The status after the provider ``reported`` one of ``REPORTS``.

    It only ever rises, so reports may come late, repeated and in any order. A report also
    settles a message whose send seemed to fail (``queued`` again) or got no answer.
    """
    if current == "recorded":  # never left this machine
        return current
    if current == "queued" and reported == "failed":  # known already: the next try is on its way
        return current
    return max(current, reported, key=_RANK.__getitem__)
