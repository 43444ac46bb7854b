"""What a receipt means for the outbox."""

from __future__ import annotations

import pytest

from contracts.messages import Receipt
from edge_agent.outbox import Span
from edge_agent.receipts import CERTAIN_AFTER, Judgement, ReceiptDesk

FIVE_TO_NINE = Span("here", first=5, last=9)  # taps 5 to 9 wait
NONE_WAITS = Span("here", first=10, last=9)


@pytest.mark.parametrize(
    ("receipt", "span", "judgement"),
    [
        (Receipt("here", 7), FIVE_TO_NINE, Judgement.FORGET),
        (Receipt("here", 9), FIVE_TO_NINE, Judgement.FORGET),
        (Receipt("here", 2), FIVE_TO_NINE, Judgement.FORGET),
        (Receipt("here", 0), FIVE_TO_NINE, Judgement.FORGET),
        (Receipt("elsewhere", 7), FIVE_TO_NINE, Judgement.IGNORE),
        (Receipt("elsewhere", 700), FIVE_TO_NINE, Judgement.IGNORE),
        (Receipt("here", 10), FIVE_TO_NINE, Judgement.NEW_STREAM),
        (Receipt("here", 10), NONE_WAITS, Judgement.NEW_STREAM),
        (Receipt("here", 6, ((7, 8),)), FIVE_TO_NINE, Judgement.FORGET),
    ],
    ids=str,
)
def test_a_receipt_is_judged(receipt: Receipt, span: Span, judgement: Judgement) -> None:
    assert ReceiptDesk().judge(receipt, span, now=0) is judgement


def test_a_hole_that_cannot_be_filled_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    desk = ReceiptDesk()

    for now in (0, 1, 2):
        assert desk.judge(Receipt("here", 2, ((3, 4),)), FIVE_TO_NINE, now) is Judgement.FORGET

    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "((3, 4),)" in caplog.text


def test_a_hole_that_stays_would_stop_all_receipts_so_a_new_stream_begins() -> None:
    desk = ReceiptDesk()
    desk.judge(Receipt("here", 2, ((3, 4),)), FIVE_TO_NINE, now=0)

    judgement = desk.judge(Receipt("here", 2, ((3, 4),)), FIVE_TO_NINE, now=CERTAIN_AFTER)

    assert judgement is Judgement.NEW_STREAM


def test_a_receipt_without_the_hole_clears_the_suspicion() -> None:
    desk = ReceiptDesk()
    desk.judge(Receipt("here", 2, ((3, 4),)), FIVE_TO_NINE, now=0)
    desk.judge(Receipt("here", 4), FIVE_TO_NINE, now=1)

    judgement = desk.judge(Receipt("here", 2, ((3, 4),)), FIVE_TO_NINE, now=CERTAIN_AFTER)

    assert judgement is Judgement.FORGET
