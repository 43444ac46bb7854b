"""What a receipt means for the outbox. Plain values in and out."""

from __future__ import annotations

import logging
from enum import Enum, auto

from contracts.messages import Receipt
from edge_agent.outbox import Span

log = logging.getLogger(__name__)

# Seconds that a loss must be reported before it is believed. Receipts can be old news: a broker
# killed before it saved hands out an older retained one, two ingest processes may overtake.
CERTAIN_AFTER = 60.0


class Judgement(Enum):
    IGNORE = auto()
    FORGET = auto()
    NEW_STREAM = auto()  # this stream's numbers are spoilt: number what waits anew


class ReceiptDesk:
    """Judges the receipts of one device, in the order in which they come."""

    def __init__(self) -> None:
        self._lost: tuple[tuple[int, int], ...] = ()
        self._lost_since = 0.0

    def judge(self, receipt: Receipt, span: Span, now: float) -> Judgement:
        """``span`` is the outbox's now; ``now`` is monotonic seconds."""
        if receipt.stream != span.stream:
            log.info("receipt for another stream, %s, ignored", receipt.stream)
            return Judgement.IGNORE
        if receipt.upto > span.last:
            log.error(
                "central holds taps up to %d of stream %s, which ends here at %d: an older copy of "
                "the outbox came back; a new stream begins",
                receipt.upto,
                receipt.stream,
                span.last,
            )
            return Judgement.NEW_STREAM
        return Judgement.NEW_STREAM if self._is_stuck(receipt, span, now) else Judgement.FORGET

    def _is_stuck(self, receipt: Receipt, span: Span, now: float) -> bool:
        """Whether receipts can never pass a hole, because its taps are gone on both sides."""
        lost = tuple(hole for hole in receipt.holes if receipt.upto < hole[0] < span.first)
        if not lost or lost != self._lost:
            self._lost, self._lost_since = lost, now
            if lost:
                log.error("central lacks taps of %s that are no longer here: %s", span.stream, lost)
            return False
        if now - self._lost_since < CERTAIN_AFTER:
            return False
        log.error("taps %s of stream %s are lost; a new stream begins", lost, span.stream)
        self._lost = ()
        return True
