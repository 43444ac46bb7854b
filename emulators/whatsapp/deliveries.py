"""Posting webhooks at their time, and again until the school's side has taken them.

As at Meta: signed, at least once, for up to a week, without any promise about their order.
"""

from __future__ import annotations

import contextlib
import heapq
import http.client
import itertools
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from emulators.whatsapp.webhooks import signature

log = logging.getLogger(__name__)

WORKERS = 4  # connections; one slow answer does not hold up the rest
POST_SECONDS = 10.0  # how long an answer may take
FIRST_RETRY, LONGEST_RETRY = 0.5, 15.0  # seconds; Meta's last tries are hours apart
GIVE_UP_AFTER = 7 * 86_400  # seconds, as Meta
_NEVER = float("inf")
MOST_WAITING = 100_000  # webhooks; a school that is down for a day must not fill the memory


@dataclass(order=True, slots=True)
class Event:
    """One webhook. ``due`` and ``made_at`` are Unix times; ``id`` is the message it is about.

    ``status`` is what the message comes to when the event is due; None for a copy or a reply.
    That happens at its time, when the event is ``begun``, even if the webhook cannot be reached.
    """

    due: float
    order: int = field(default=0)
    body: str = field(default="", compare=False)
    made_at: float = field(default=0.0, compare=False)
    begun: bool = field(default=False, compare=False)
    attempts: int = field(default=0, compare=False)
    id: str = field(default="", compare=False)
    status: str | None = field(default=None, compare=False)
    error: int | None = field(default=None, compare=False)


class Deliveries:
    """A queue with its workers. ``begins`` is asked at an event's time whether to post it."""

    def __init__(self, url: str, app_secret: str, begins: Callable[[Event], bool]) -> None:
        self._url = url
        self._app_secret = app_secret
        self._begins = begins
        self._changed = threading.Condition()
        self._coming: list[Event] = []  # their time has not come
        self._waiting: list[Event] = []  # to be posted, perhaps again
        self._under_way: dict[int, Event] = {}
        self._orders = itertools.count()
        self._closed_until = 0.0  # the endpoint is down; one retry for all, not one for each
        self._outages = 0
        self._stopping = False
        self._counts = {"posted": 0, "refused": 0, "unreachable": 0, "dropped": 0}
        self._threads = [
            threading.Thread(target=self._work, name=f"webhook {number}", daemon=True)
            for number in range(WORKERS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing more. Posts under way are not waited for; they count as waiting."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def put(self, event: Event) -> None:
        with self._changed:
            if len(self._coming) + len(self._waiting) >= MOST_WAITING:
                self._counts["dropped"] += 1
                return
            event.order = next(self._orders)
            heapq.heappush(self._waiting if event.begun else self._coming, event)
            self._changed.notify()

    def clear(self) -> None:
        """Forget what waits; a post under way is not tried again."""
        with self._changed:
            self._coming.clear()
            self._waiting.clear()
            self._under_way.clear()
            self._closed_until, self._outages = 0.0, 0
            self._counts = dict.fromkeys(self._counts, 0)
            self._changed.notify_all()

    def counts(self) -> dict[str, int]:
        with self._changed:
            pending = len(self._coming) + len(self._waiting) + len(self._under_way)
            return {"pending": pending, **self._counts}

    def dump(self) -> list[dict[str, Any]]:
        with self._changed:
            events = (*self._under_way.values(), *self._waiting, *self._coming)
            return [asdict(event) for event in sorted(events)]

    def load(self, events: Iterable[Mapping[str, Any]]) -> None:
        for raw in events:
            self.put(Event(**raw))

    def _work(self) -> None:
        endpoint = _Endpoint(self._url)
        while (event := self._next()) is not None:
            if event.begun:
                self._post(endpoint, event)
            elif self._begins(event):
                event.begun = True
                self._put_back(event, event.due)
            else:
                self._finish(event)
        endpoint.close()

    def _next(self) -> Event | None:
        """The next event to begin or to post, when there is one; None at the end."""
        with self._changed:
            while not self._stopping:
                now = time.time()
                begins_in = self._coming[0].due - now if self._coming else _NEVER
                posts_in = self._posts_at() - now
                if min(begins_in, posts_in) <= 0:
                    event = heapq.heappop(self._coming if begins_in <= 0 else self._waiting)
                    self._under_way[event.order] = event
                    return event
                self._changed.wait(min(begins_in, posts_in, 3600))
            return None

    def _posts_at(self) -> float:
        return max(self._waiting[0].due, self._closed_until) if self._waiting else _NEVER

    def _post(self, endpoint: _Endpoint, event: Event) -> None:
        body = event.body.encode()
        try:
            status = endpoint.post(body, signature(self._app_secret, body))
        except (OSError, http.client.HTTPException) as error:
            self._note_outage(event, error)
        else:
            self._note_answer(event, status)

    def _note_answer(self, event: Event, status: int) -> None:
        with self._changed:
            self._outages = 0
            if 200 <= status < 300:
                self._counts["posted"] += 1
                self._finish(event)
                return
            self._counts["refused"] += 1
            self._try_again(event, time.time() + _back_off(event.attempts))

    def _note_outage(self, event: Event, error: Exception) -> None:
        with self._changed:
            self._counts["unreachable"] += 1
            now = time.time()
            if now >= self._closed_until:
                if not self._outages:
                    log.warning("the webhook cannot be reached (%s); trying on", error)
                self._closed_until = now + _back_off(self._outages)
                self._outages += 1
            self._try_again(event, event.due)

    def _try_again(self, event: Event, due: float) -> None:
        event.attempts += 1
        if time.time() - event.made_at > GIVE_UP_AFTER:
            self._counts["dropped"] += 1
            self._finish(event)
        else:
            self._put_back(event, due)

    def _put_back(self, event: Event, due: float) -> None:
        with self._changed:
            if self._finish(event):
                event.due = due
                heapq.heappush(self._waiting, event)
                self._changed.notify()

    def _finish(self, event: Event) -> bool:
        """End the work on an event; False if it was forgotten meanwhile.

        Together with putting it back, or the next worker's claim to it would be ended instead.
        """
        with self._changed:
            return self._under_way.pop(event.order, None) is not None


class _Endpoint:
    """One worker's connection to the webhook, kept alive and opened again as needed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path or "/"
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=POST_SECONDS
        )

    def post(self, body: bytes, signed: str) -> int:
        """The HTTP status. Raises OSError or HTTPException when none came."""
        fresh = self._connection.sock is None
        try:
            return self._post(body, signed)
        except (http.client.RemoteDisconnected, ConnectionError):
            if fresh:
                raise
            return self._post(body, signed)  # the other side had closed the idle connection

    def close(self) -> None:
        self._connection.close()

    def _post(self, body: bytes, signed: str) -> int:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signed}
        try:
            self._connection.request("POST", self._path, body, headers)
            answer = self._connection.getresponse()
            answer.read()
        except BaseException:
            with contextlib.suppress(OSError):
                self._connection.close()
            raise
        return answer.status


def _back_off(attempts: int) -> float:
    spread = random.uniform(0.8, 1.2)  # noqa: S311 -- not a secret
    return min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(attempts, 10)) * spread
