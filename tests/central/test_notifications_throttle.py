"""How wide a worker sends, by how the provider answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from central.notifications.channel import (
    Accepted,
    Outcome,
    Recorded,
    Refused,
    Unanswered,
    Unreachable,
)
from central.notifications.throttle import Throttle
from tests.central.messages import SEEN

WIDTH = 4
NOW = SEEN


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_a_healthy_channel_is_used_at_full_width() -> None:
    throttle = Throttle(WIDTH)

    assert throttle.room(0, NOW) == WIDTH
    assert throttle.room(3, NOW) == 1
    assert throttle.room(WIDTH, NOW) == 0


@pytest.mark.parametrize(
    ("fault", "rest"),
    [
        (Unreachable("ConnectionError"), seconds(1)),
        (Unanswered("ReadTimeout"), seconds(1)),
        (Refused(130429, 429, ""), seconds(1)),
        (Refused(190, 401, ""), seconds(60)),
        (Refused(131048, 429, ""), seconds(15 * 60)),
    ],
)
def test_a_fault_of_the_channel_stops_it_then_one_message_tries_the_ground(
    fault: Outcome, rest: timedelta
) -> None:
    throttle = Throttle(WIDTH)

    throttle.learn(fault, now=NOW, jitter=0.0)

    assert throttle.room(0, NOW + rest - seconds(0.1)) == 0
    assert throttle.room(0, NOW + rest) == 1
    assert throttle.room(1, NOW + rest) == 0


@pytest.mark.parametrize(
    "answer", [Refused(131026, 400, ""), Refused(131056, 400, ""), Refused(131000, 500, "")]
)
def test_what_concerns_one_message_does_not_slow_the_others(answer: Outcome) -> None:
    throttle = Throttle(WIDTH)

    throttle.learn(answer, now=NOW, jitter=0.0)

    assert throttle.room(0, NOW) == WIDTH


def test_an_outage_makes_the_rests_longer_and_longer() -> None:
    throttle = Throttle(WIDTH)
    now, rests = NOW, []

    for _ in range(5):
        throttle.learn(Unreachable("ConnectionError"), now=now, jitter=0.0)
        rest = next(s for s in range(100) if throttle.room(0, now + seconds(s)))
        rests.append(rest)
        now += seconds(rest)

    assert rests == [1, 4, 16, 64, 64]


def test_failures_of_sends_begun_before_the_rest_do_not_count_again() -> None:
    throttle = Throttle(WIDTH)

    for _ in range(WIDTH):
        throttle.learn(Unreachable("ConnectionError"), now=NOW, jitter=0.0)

    assert throttle.room(0, NOW + seconds(1)) == 1


@pytest.mark.parametrize("success", [Accepted("wamid.1"), Recorded()])
def test_each_success_admits_one_more(success: Outcome) -> None:
    throttle = Throttle(WIDTH)
    throttle.learn(Unreachable("ConnectionError"), now=NOW, jitter=0.0)
    later = NOW + seconds(2)

    widths = []
    for _ in range(WIDTH + 1):
        widths.append(throttle.room(0, later))
        throttle.learn(success, now=later, jitter=0.0)

    assert widths == [1, 2, 3, 4, 4]


def test_the_operator_is_told_once_an_hour_and_not_for_every_message() -> None:
    throttle = Throttle(WIDTH)

    with capture_logs() as logs:
        for minute in range(119):
            throttle.learn(Refused(190, 401, ""), now=NOW + seconds(60 * minute), jitter=0.0)

    assert len([line for line in logs if line["log_level"] == "error"]) == 2
