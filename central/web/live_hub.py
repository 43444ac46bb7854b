"""Passes on what happened in a school to the pages that watch it.

A change is rendered once a process and audience, not once a page: the renderer thread asks a feed
what is new and puts the answer into the queue of every subscription. Queues are bounded; a page
that does not keep up is told to catch up by its cursor instead of holding everybody's memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from central.events import DEVICES, EVACUATIONS, NOTIFICATIONS, TAPS
from central.web.live_listener import Announcement

STREAMS = 96  # a process; each holds one of the server's threads
QUEUE_LENGTH = 64  # events; a page that is this far behind had better start from its cursor
EVERYTHING = frozenset({TAPS, NOTIFICATIONS, DEVICES, EVACUATIONS})
BREATH_SECONDS = 0.25  # between two renderings for one audience: still "at once" to a person
RETRY_SECONDS = 2.0  # after a rendering that failed, most likely for want of a database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event. ``cursor`` becomes the page's Last-Event-ID."""

    name: str
    data: str
    cursor: int | None = None


LAGGED = Event("lagged", "{}")
UNWELL = Event("unwell", "{}")  # nothing can be said at the moment: do not look as if all were well


class Audience(Hashable, Protocol):
    """Pages that may all be sent the same rendering."""

    @property
    def school_id(self) -> int: ...


class Feed(Protocol):
    """Says what is new for one audience. Used by one thread at a time."""

    def news(self, kinds: frozenset[str]) -> Event | None:
        """What to send since the last call, given what was announced; None for nothing."""

    def rest(self) -> float:
        """After how many seconds to ask for news again, whether or not any are announced."""


class NoRoom(Exception):
    """This process holds as many streams as it may; the page should poll."""


class Ended(Exception):
    """The stream must end: the process is stopping."""


class Subscription:
    """One open stream's share of the events."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._arrived = threading.Condition()
        self._ended = False

    def wait(self, seconds: float) -> Event | None:
        """The next event; None if there was none in time. Raises Ended once there can be none."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._events or self._ended, seconds)
            if self._ended:
                raise Ended
            return self._events.popleft() if self._events else None

    def send(self, event: Event) -> None:
        with self._arrived:
            if len(self._events) >= QUEUE_LENGTH:
                self._events.clear()
                event = LAGGED
            self._events.append(event)
            self._arrived.notify()

    def end(self) -> None:
        with self._arrived:
            self._ended = True
            self._arrived.notify()


@dataclass(slots=True)
class _Channel:
    """The pages of one audience, and what they have not been sent yet."""

    feed: Feed
    subscriptions: set[Subscription] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    not_before: float = 0.0
    refresh_at: float = 0.0


class Hub:
    """Every open stream of this process. Starts its threads with the first stream."""

    def __init__(
        self, start_listening: Callable[[Hub], Callable[[], None]], *, capacity: int = STREAMS
    ) -> None:
        """``start_listening`` is called once and returns what stops the listening."""
        self._start_listening = start_listening
        self._stop_listening: Callable[[], None] | None = None
        self._capacity = capacity
        self._channels: dict[Audience, _Channel] = {}
        self._open = 0
        self._changed = threading.Condition()
        self._stopped: Callable[[], bool] = lambda: False

    def stop_when(self, stopped: Callable[[], bool]) -> None:
        """End all streams once ``stopped()`` is true."""
        self._stopped = stopped

    def join(self, audience: Audience, make_feed: Callable[[], Feed]) -> Subscription:
        """Subscribe a page. Raises NoRoom at capacity. Leave again when the stream ends."""
        subscription = Subscription()
        with self._changed:
            if self._open >= self._capacity or self._stopped():
                raise NoRoom
            channel = self._channels.get(audience)
            if channel is None:
                channel = self._channels[audience] = _Channel(make_feed())
                channel.refresh_at = time.monotonic() + channel.feed.rest()
            channel.subscriptions.add(subscription)
            self._open += 1
            self._start()
        return subscription

    def leave(self, audience: Audience, subscription: Subscription) -> None:
        with self._changed:
            channel = self._channels[audience]
            channel.subscriptions.discard(subscription)
            self._open -= 1
            if not channel.subscriptions:
                del self._channels[audience]

    def heard(self, announcement: Announcement) -> None:
        """Render soon for the pages of that school."""
        with self._changed:
            for audience, channel in self._channels.items():
                if audience.school_id == announcement.school_id:
                    channel.kinds.add(announcement.kind)
            self._changed.notify()

    def missed(self) -> None:
        """Announcements may have been lost: look for news of every school."""
        with self._changed:
            for channel in self._channels.values():
                channel.kinds |= EVERYTHING
            self._changed.notify()

    def _start(self) -> None:
        if self._stop_listening is None:
            self._stop_listening = self._start_listening(self)
            threading.Thread(target=self._render_for_ever, name="live-render", daemon=True).start()

    def _render_for_ever(self) -> None:
        while not self._stopped():
            for channel, kinds in self._due():
                self._render(channel, kinds)
        self._end_all()

    def _due(self) -> list[tuple[_Channel, frozenset[str]]]:
        """Wait for the next moment at which something is to be rendered, at most half a second."""
        with self._changed:
            now = time.monotonic()
            soonest = min((_when(channel, now) for channel in self._channels.values()), default=1e9)
            if soonest > now:
                self._changed.wait(min(soonest - now, 0.5))  # half a second: to notice a stop
            return list(self._take_due(time.monotonic()))

    def _take_due(self, now: float) -> Iterator[tuple[_Channel, frozenset[str]]]:
        for channel in self._channels.values():
            if _when(channel, now) <= now:
                kinds = frozenset(channel.kinds)
                channel.kinds.clear()
                channel.not_before = channel.refresh_at = now + BREATH_SECONDS
                yield channel, kinds

    def _render(self, channel: _Channel, kinds: frozenset[str]) -> None:
        try:
            event = channel.feed.news(kinds)
        except Exception:  # one school's failure must not silence the others
            log.exception("live updates: rendering failed")
            with self._changed:
                channel.kinds |= kinds
                channel.not_before = time.monotonic() + RETRY_SECONDS
            self._send(channel, UNWELL)
            return
        channel.refresh_at = time.monotonic() + channel.feed.rest()
        if event is not None:
            self._send(channel, event)

    def _send(self, channel: _Channel, event: Event) -> None:
        with self._changed:
            subscriptions = list(channel.subscriptions)
        for subscription in subscriptions:
            subscription.send(event)

    def _end_all(self) -> None:
        with self._changed:
            if self._stop_listening is not None:
                self._stop_listening()
            for channel in self._channels.values():
                for subscription in channel.subscriptions:
                    subscription.end()


def _when(channel: _Channel, now: float) -> float:
    """The monotonic time at which a channel is to be rendered next."""
    return channel.not_before if channel.kinds else max(channel.refresh_at, channel.not_before)
