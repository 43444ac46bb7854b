"""What was received and is not stored yet, handed out in batches of a bearable size."""

from __future__ import annotations

import time
from typing import Final

from central.ingest.reading import Received

MOST_MESSAGES: Final = 500  # a batch; more gain nothing per tap and make the first ones wait
# About 600 taps: full messages make up a batch long before their number does. Each student of a
# batch is locked, and PostgreSQL has room for a few thousand locks.
MOST_BYTES: Final = 160_000
COLLECT_SECONDS: Final = 0.05  # how long the first message of a batch waits for company


class Buffer:
    """Messages in the order in which they came.

    paho reads as many at once as it likes, so this may hold several batches.
    """

    def __init__(self) -> None:
        self._messages: list[Received] = []
        self._bytes = 0
        self._began = 0.0
        self._share = 1.0  # of the most that a batch may hold

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Received) -> None:
        if not self._messages:
            self._began = time.monotonic()
        self._messages.append(message)
        self._bytes += len(message.payload)

    def clear(self) -> None:
        self._messages, self._bytes = [], 0

    def seconds_left(self) -> float:
        """How long a batch may still be waited for; 0 when there is one."""
        if not self._messages:
            return COLLECT_SECONDS
        full = len(self._messages) >= self._most_messages or self._bytes >= self._most_bytes
        return 0.0 if full else max(0.0, self._began + COLLECT_SECONDS - time.monotonic())

    def take(self) -> list[Received]:
        """The oldest messages, no more than a batch holds; they are gone from here."""
        count, size = 0, 0
        for message in self._messages[: int(self._most_messages)]:
            size += len(message.payload)
            if count and size > self._most_bytes:
                break
            count += 1
        batch, self._messages = self._messages[:count], self._messages[count:]
        self._bytes = sum(len(message.payload) for message in self._messages)
        return batch

    def shrink(self) -> None:
        """Make batches half as large: the last one may have been more than the database could."""
        self._share /= 2

    def grow(self) -> None:
        """Make batches larger again, up to their normal size."""
        self._share = min(1.0, self._share * 2)

    @property
    def _most_messages(self) -> float:
        return max(1.0, MOST_MESSAGES * self._share)

    @property
    def _most_bytes(self) -> float:
        return MOST_BYTES * self._share
