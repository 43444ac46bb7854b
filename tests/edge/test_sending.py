"""The send window: how far ahead of the receipt, and what happens when none comes."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.sending import MESSAGES_AHEAD, SendWindow


def full_window(now: float = 0.0) -> SendWindow:
    """After 50 receipted taps, four messages of 50 more each are on their way."""
    window = SendWindow(patience=10, most_patience=60)
    window.restart(50)
    for upto in (100, 150, 200, 250):
        window.sent(upto, now)
    return window


def test_a_new_window_begins_after_the_receipt() -> None:
    window = SendWindow()

    window.restart(7)

    assert window.sent_upto == 7
    assert window.may_send()
    assert window.deadline is None


def test_only_a_few_messages_go_ahead_of_the_receipt() -> None:
    window = full_window()

    assert window.sent_upto == 250
    assert not window.may_send()


def test_a_receipt_makes_room_for_as_much_as_it_covers() -> None:
    window = full_window()

    window.receipted(170, now=1)

    assert window.may_send()
    window.sent(300, now=1)
    window.sent(350, now=1)
    assert not window.may_send()


def test_old_news_changes_nothing() -> None:
    window = full_window()
    window.receipted(100, now=1)

    window.receipted(60, now=2)

    assert window.sent_upto == 250
    assert window.deadline == 11


def test_a_receipt_beyond_what_was_sent_is_believed() -> None:
    window = full_window()

    window.receipted(400, now=1)

    assert window.sent_upto == 400
    assert window.deadline is None


def test_patience_is_not_lost_before_its_time() -> None:
    assert not full_window().lose_patience(9.9)


def test_without_a_receipt_one_message_is_sent_again_and_no_more() -> None:
    window = full_window()

    assert window.lose_patience(10)

    assert window.sent_upto == 50
    window.sent(100, now=10)
    assert not window.may_send()


def test_patience_doubles_up_to_a_limit_while_nobody_answers() -> None:
    window = full_window()
    waits, now = [], 0.0
    for _ in range(5):
        assert window.deadline is not None
        waits.append(window.deadline - now)
        now = window.deadline
        assert window.lose_patience(now)
        window.sent(100, now)

    assert waits == [10, 20, 40, 60, 60]


def test_the_first_receipt_opens_the_window_again() -> None:
    window = full_window()
    window.lose_patience(10)
    window.sent(100, now=10)

    window.receipted(100, now=12)

    for upto in (150, 200, 250, 300):
        assert window.may_send()
        window.sent(upto, now=12)
    assert window.deadline == 22


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), taps=st.integers(1, 400), loss=st.floats(0, 0.9))
def test_everything_arrives_however_many_messages_are_lost(
    seed: int, taps: int, loss: float
) -> None:
    chance = random.Random(seed)
    window = SendWindow(patience=1)
    held: set[int] = set()
    now = 0.0
    for _ in range(20_000):
        if len(held) == taps:
            break
        ahead = 0
        while window.may_send() and window.sent_upto < taps:
            first, last = window.sent_upto + 1, min(window.sent_upto + 50, taps)
            window.sent(last, now)
            ahead += 1
            if chance.random() >= loss:
                held.update(range(first, last + 1))
        assert ahead <= MESSAGES_AHEAD
        if chance.random() >= loss:
            window.receipted(next(n for n in range(taps + 1) if n + 1 not in held), now)
        now = now + 0.5 if window.deadline is None else window.deadline
        window.lose_patience(now)

    assert held == set(range(1, taps + 1))
