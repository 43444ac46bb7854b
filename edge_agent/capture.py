"""From a card to an answer: debounce, verdict, durable row, and only then the beep."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from contracts.messages import Card, TapRead
from contracts.roster import OF_STAFF, RosterEntry
from edge_agent.cards import CardNames
from edge_agent.clock import Clock, Moment
from edge_agent.debounce import Debounce, Recent
from edge_agent.feedback import Feedback, Outcome, pattern_of
from edge_agent.feedback.base import NOT_STORED
from edge_agent.outbox import Outbox, OutboxDamaged, OutboxUnavailable
from edge_agent.readers import Sighting, TornRead
from edge_agent.roster import RosterFile, verdict_on
from edge_agent.staff_taps import StaffTaps

log = logging.getLogger(__name__)

_NO_SEQ = 0  # of a draft; the outbox numbers it


@dataclass(frozen=True)
class Desk:
    """What a gate needs to judge a card and to answer its holder."""

    names: CardNames
    roster: RosterFile
    clock: Clock
    feedback: Feedback
    staff: StaffTaps = field(default_factory=StaffTaps)


class Capture:
    """Takes sightings from any number of readers' threads. Knows of no network."""

    def __init__(
        self, desk: Desk, outbox: Outbox, debounce: Debounce, on_stored: Callable[[], None]
    ) -> None:
        """``on_stored`` is told of every new row; it must return at once."""
        self._desk = desk
        self._outbox = outbox
        self._debounce = debounce
        self._on_stored = on_stored
        self._lock = threading.Lock()

    def take(self, reader: str, sighting: Sighting) -> None:
        """Record what a reader saw and answer. Raises OutboxDamaged after saying "not stored"."""
        moment = self._desk.clock()
        card = self._desk.names.card(sighting)
        entry, verdict = self._judge(card, sighting)
        if entry is not None and entry.state in OF_STAFF:
            card = replace(card, kind="staff")
        draft = _draft(reader, card, verdict, moment)
        name = None if entry is None else entry.name
        with self._lock:
            recent = self._debounce.tap_of(reader, card.digest, verdict, moment.up_ms)
            if recent is None:
                self._record(draft, name)
            else:
                self._answer(draft, name, recent.seq)
                self._count_repeat(recent.seq)
        if entry is not None:
            self._desk.staff.tapped(entry, sighting)

    def _judge(self, card: Card, sighting: Sighting) -> tuple[RosterEntry | None, str]:
        if isinstance(sighting, TornRead):
            return None, "torn"
        entry = self._desk.roster.find(card.digest)
        return entry, verdict_on(entry)

    def _record(self, draft: TapRead, name: str | None) -> None:
        try:
            seq = self._outbox.put(draft)
        except OutboxUnavailable as error:
            log.error("tap not stored: %s", error)
            self._desk.feedback.show(
                Outcome(NOT_STORED, name, draft.verdict, None, draft.at, draft.clock)
            )
            if isinstance(error, OutboxDamaged):
                raise
            return
        self._answer(draft, name, seq)
        self._debounce.remember(
            draft.reader, draft.card.digest, Recent(seq, draft.verdict, draft.up_ms)
        )
        self._on_stored()

    def _answer(self, draft: TapRead, name: str | None, seq: int) -> None:
        pattern = pattern_of(draft.verdict)
        self._desk.feedback.show(Outcome(pattern, name, draft.verdict, seq, draft.at, draft.clock))

    def _count_repeat(self, seq: int) -> None:
        try:
            self._outbox.count_repeat(seq)
        except OutboxUnavailable as error:
            log.warning("repeat of tap %d not counted: %s", seq, error)


def _draft(reader: str, card: Card, verdict: str, moment: Moment) -> TapRead:
    return TapRead(
        seq=_NO_SEQ,
        at=moment.at,
        clock=moment.clock,
        boot=moment.boot,
        up_ms=moment.up_ms,
        reader=reader,
        card=card,
        verdict=verdict,
    )
