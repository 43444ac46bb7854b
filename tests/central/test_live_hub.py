"""Fan-out in one process: rendered once, bounded, and ended together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from central.events import DEVICES, TAPS
from central.web.live_hub import (
    EVERYTHING,
    LAGGED,
    QUEUE_LENGTH,
    UNWELL,
    Ended,
    Event,
    Hub,
    NoRoom,
    Subscription,
)
from central.web.live_listener import Announcement, parse

SOON = 5.0


@dataclass(frozen=True)
class Pages:
    """The pages of one school."""

    school_id: int


@dataclass
class CountingFeed:
    """Numbers its events; remembers what it was asked."""

    asked: list[frozenset[str]] = field(default_factory=list)
    failures: int = 0
    seconds: float = 60

    def news(self, kinds: frozenset[str]) -> Event | None:
        self.asked.append(kinds)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("cannot render")
        return Event("news", str(len(self.asked)))

    def rest(self) -> float:
        return self.seconds


@pytest.fixture
def hub() -> Iterator[Hub]:
    stopped = threading.Event()
    hub = Hub(lambda _: lambda: None, capacity=3)
    hub.stop_when(stopped.is_set)
    yield hub
    stopped.set()


def announce(hub: Hub, school_id: int, kind: str = TAPS) -> None:
    hub.heard(Announcement(school_id, kind))


def wait(subscription: Subscription) -> Event | None:
    return subscription.wait(SOON)


def test_a_change_is_rendered_once_for_all_pages_of_a_school(hub: Hub) -> None:
    feed = CountingFeed()
    pages = [hub.join(Pages(1), lambda: feed) for _ in range(3)]

    announce(hub, 1)
    received = [wait(page) for page in pages]

    assert received == [Event("news", "1")] * 3
    assert feed.asked == [{TAPS}]


def test_another_schools_change_renders_nothing(hub: Hub) -> None:
    own, other = CountingFeed(), CountingFeed()
    page = hub.join(Pages(1), lambda: own)
    stranger = hub.join(Pages(2), lambda: other)

    announce(hub, 1)

    assert wait(page) == Event("news", "1")
    assert other.asked == []
    assert stranger.wait(0) is None


def test_changes_that_come_in_a_burst_are_rendered_together(hub: Hub) -> None:
    feed = CountingFeed()
    page = hub.join(Pages(1), lambda: feed)
    announce(hub, 1)
    wait(page)

    for _ in range(50):
        announce(hub, 1, TAPS)
        announce(hub, 1, DEVICES)
    wait(page)

    assert feed.asked == [{TAPS}, {TAPS, DEVICES}]


def test_what_may_have_been_missed_is_looked_for_everywhere(hub: Hub) -> None:
    one, other = CountingFeed(), CountingFeed()
    pages = [hub.join(Pages(1), lambda: one), hub.join(Pages(2), lambda: other)]

    hub.missed()

    assert [wait(page) for page in pages] == [Event("news", "1")] * 2
    assert one.asked == other.asked == [EVERYTHING]


def test_a_feed_is_asked_again_after_its_rest(hub: Hub) -> None:
    feed = CountingFeed(seconds=0.3)

    page = hub.join(Pages(1), lambda: feed)

    assert [wait(page), wait(page)] == [Event("news", "1"), Event("news", "2")]
    assert feed.asked == [frozenset()] * 2


def test_a_failed_rendering_is_tried_again_and_silences_nobody_else(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = CountingFeed(failures=1), CountingFeed()
    unlucky = hub.join(Pages(1), lambda: broken)
    lucky = hub.join(Pages(2), lambda: sound)

    announce(hub, 1)
    announce(hub, 2)

    assert wait(lucky) == Event("news", "1")
    assert [wait(unlucky), wait(unlucky)] == [UNWELL, Event("news", "2")]
    assert broken.asked == [{TAPS}, {TAPS}]
    assert "rendering failed" in caplog.text


def test_there_is_no_room_beyond_the_capacity_until_somebody_leaves(hub: Hub) -> None:
    pages = [hub.join(Pages(school), CountingFeed) for school in (1, 2, 3)]

    with pytest.raises(NoRoom):
        hub.join(Pages(4), CountingFeed)
    hub.leave(Pages(1), pages[0])

    hub.join(Pages(4), CountingFeed)


def test_the_last_page_to_leave_takes_its_feed_along(hub: Hub) -> None:
    first = CountingFeed()
    hub.leave(Pages(1), hub.join(Pages(1), lambda: first))
    second = CountingFeed()
    page = hub.join(Pages(1), lambda: second)

    announce(hub, 1)

    assert wait(page) == Event("news", "1")
    assert first.asked == []


def test_a_page_that_does_not_keep_up_is_told_to_catch_up() -> None:
    slow = Subscription()

    for number in range(QUEUE_LENGTH + 3):
        slow.send(Event("news", str(number)))

    first, second = wait(slow), wait(slow)
    assert first == LAGGED
    assert second == Event("news", str(QUEUE_LENGTH + 1))


def test_all_streams_end_when_the_process_stops() -> None:
    stopped = threading.Event()
    heard_stop = threading.Event()
    hub = Hub(lambda _: heard_stop.set)
    hub.stop_when(stopped.is_set)
    page = hub.join(Pages(1), CountingFeed)

    stopped.set()

    with pytest.raises(Ended):
        wait(page)
    assert heard_stop.is_set()
    with pytest.raises(NoRoom):
        hub.join(Pages(1), CountingFeed)


def test_waiting_ends_when_the_time_is_up() -> None:
    began = time.monotonic()

    assert Subscription().wait(0.05) is None
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "payload", ["", "7", "null", "{}", '{"school": "1", "kind": "taps"}', '{"school": 1}']
)
def test_what_is_not_an_announcement_is_refused(payload: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of json's own class too
        parse(payload)


def test_an_announcement_is_read() -> None:
    assert parse('{"school": 7, "kind": "taps"}') == Announcement(7, "taps")


def test_listening_starts_with_the_first_stream_and_only_once() -> None:
    started: list[Hub] = []

    def start(hub: Hub) -> Callable[[], None]:
        started.append(hub)
        return lambda: None

    stopped = threading.Event()
    hub = Hub(start)
    hub.stop_when(stopped.is_set)
    assert started == []

    for school in (1, 2):
        hub.join(Pages(school), CountingFeed)
    stopped.set()

    assert started == [hub]
