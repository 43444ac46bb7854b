"""Which waiting taps go out next. Plain values in and out: no clock, no network, no disk."""

from __future__ import annotations

from collections import deque

MESSAGES_AHEAD = (
    4  # of the receipt: 200 taps a round trip, and central sets the pace, not the broker
)


class SendWindow:
    """How far the taps of one stream are sent and receipted. Times are monotonic seconds.

    A message without a receipt in time may be lost (a broker acknowledges what it then drops), or
    central is down and has it in its queue. So what is sent again is one message only, and ever
    more rarely, until a receipt shows that somebody listens.
    """

    def __init__(self, *, patience: float = 10.0, most_patience: float = 300.0) -> None:
        self._first_patience = patience
        self._most_patience = most_patience
        self._patience = patience
        self._receipted = 0
        self._ahead: deque[int] = deque()  # the last seq of each message without a receipt
        self._limit = MESSAGES_AHEAD
        self._deadline: float | None = None

    @property
    def sent_upto(self) -> int:
        """Taps above this one are yet to be sent."""
        return self._ahead[-1] if self._ahead else self._receipted

    @property
    def deadline(self) -> float | None:
        """When to lose patience, or None while nothing is ahead of the receipt."""
        return self._deadline

    def restart(self, receipted: int) -> None:
        """Begin again after ``receipted``: on a new connection, or with a new stream."""
        self._receipted = receipted
        self._ahead.clear()
        self._limit = MESSAGES_AHEAD
        self._deadline = None

    def may_send(self) -> bool:
        return len(self._ahead) < self._limit

    def sent(self, upto: int, now: float) -> None:
        """A message with taps up to ``upto`` is on its way."""
        self._ahead.append(upto)
        if self._deadline is None:
            self._deadline = now + self._patience

    def receipted(self, upto: int, now: float) -> None:
        """Central holds everything up to ``upto``. Old news changes nothing."""
        if upto <= self._receipted:
            return
        self._receipted = upto
        while self._ahead and self._ahead[0] <= upto:
            self._ahead.popleft()
        self._limit = MESSAGES_AHEAD
        self._patience = self._first_patience
        self._deadline = now + self._patience if self._ahead else None

    def lose_patience(self, now: float) -> bool:
        """Whether the receipt is overdue; if so, start again after it with a single message."""
        if self._deadline is None or now < self._deadline:
            return False
        self._ahead.clear()
        self._limit = 1
        self._deadline = None
        self._patience = min(self._patience * 2, self._most_patience)
        return True
