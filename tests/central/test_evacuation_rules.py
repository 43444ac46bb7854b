"""When a mark was made, whether it still counts, and how a list stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from central.evacuation.rules import Counts, counts_of, made_at, may_still_mark
from tests.builders import MORNING

START = MORNING
NOW = MORNING + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("age", "at"),
    [
        (timedelta(0), NOW),
        (timedelta(minutes=3), NOW - timedelta(minutes=3)),
        (timedelta(hours=2), START),  # a phone that claims to have marked before it began
        (timedelta(minutes=-5), NOW),  # a phone that claims to come from the future
        (timedelta(days=400_000), START),
    ],
)
def test_a_mark_was_made_within_the_evacuation_whatever_a_phone_claims(
    age: timedelta, at: object
) -> None:
    assert made_at(age, START, NOW) == at


def test_a_mark_made_before_the_end_counts_though_it_arrives_after_it() -> None:
    assert may_still_mark(NOW - timedelta(minutes=1), NOW)
    assert not may_still_mark(NOW + timedelta(seconds=1), NOW)
    assert may_still_mark(NOW, None)


def test_everybody_is_accounted_for_once_all_are_safe() -> None:
    assert counts_of(["safe", "missing", "unmarked", "safe"]) == Counts(2, 1, 1)
    assert counts_of(["safe", "safe"]).accounted
    assert not counts_of(["safe", "missing"]).accounted
    assert not counts_of([]).accounted
