"""One gate: a reader, its light, and children who hold their cards to it, one at a time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from emulators.gates.camera import Camera
from emulators.gates.light import Light
from emulators.gates.settings import GateSettings
from emulators.nfc.pn532 import Pn532
from emulators.nfc.tags import Tag

ANSWER_SECONDS = 3.0  # far beyond the 150 ms an agent should take; it may just be starting
QUEUE_SECONDS = 60.0  # a rush may be queued at one gate; longer, and nobody waits for the answer
GONE_SECONDS = 1.0  # for the agent to see the empty field; an agent that just died never does

# A reader takes a card for gone after this many empty polls in a row (chips miss one now and
# then), and may remember for a while which cards it has seen.
ABSENT_POLLS = 3
REMEMBERED_SECONDS = 2.5


class NotRead(Exception):
    """The card was held to the reader and nothing came of it; ``code`` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reading:
    """What the agent answered to one card, and how long it took from when the card was there."""

    feedback: Mapping[str, Any]
    took_ms: int


def _camera(settings: GateSettings, sees: Callable[[], str]) -> Camera | None:
    return None if settings.camera_socket is None else Camera(settings.camera_socket, sees)


class Gate:
    """Cards are presented one at a time; whoever brings one meanwhile waits for a turn."""

    def __init__(self, settings: GateSettings) -> None:
        self.settings = settings
        self.reader = Pn532(settings.reader_link)
        self.light = Light(settings.feedback_socket)
        self.last_card: str | None = None
        self.camera = _camera(settings, lambda: self.last_card or "nobody")
        self._turn = threading.Lock()
        self._seen_at: dict[bytes, float] = {}

    def __enter__(self) -> Gate:
        self.light.open()
        if self.camera is not None:
            self.camera.open()
        self.reader.plug()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.reader.unplug()
        if self.camera is not None:
            self.camera.close()
        self.light.close()

    def present(self, tag: Tag, label: str, times: int) -> list[Reading]:
        """Hold the card to the reader until the agent answers; ``times`` times, at once.

        Raises NotRead, also after some of the readings succeeded.
        """
        with self._own_turn():
            self.last_card = label
            return [self._present(tag) for _ in range(times)]

    def _present(self, tag: Tag) -> Reading:
        if not self.reader.plugged:
            raise NotRead("reader_unplugged", "the reader is unplugged")
        self._let_it_be_forgotten(tag.uid)
        before = self.light.last
        started = time.monotonic()
        self.reader.put(tag)
        try:
            answer = self.light.wait_for_next(before, ANSWER_SECONDS)
        finally:
            self.reader.take()
        if answer is None:
            raise NotRead("agent_silent", f"no answer from the agent in {ANSWER_SECONDS:g} s")
        self._seen_at[tag.uid] = time.monotonic()
        self.reader.wait_until_seen_empty(timeout=GONE_SECONDS)
        return Reading(answer.content, round((answer.received_at - started) * 1000))

    def _let_it_be_forgotten(self, uid: bytes) -> None:
        """Wait until a card that was here a moment ago counts as a new arrival."""
        now = time.monotonic()
        self._seen_at = {
            seen: at for seen, at in self._seen_at.items() if now - at < REMEMBERED_SECONDS
        }
        if uid in self._seen_at:
            self.reader.wait_until_seen_empty(polls=ABSENT_POLLS, timeout=GONE_SECONDS)

    @contextlib.contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=QUEUE_SECONDS):
            raise NotRead("gate_busy", f"the queue did not move for {QUEUE_SECONDS:g} s")
        try:
            yield
        finally:
            self._turn.release()
