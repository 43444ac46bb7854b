"""From a card to an answer: debounce, verdict, durable row, and only then the beep."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from contracts.messages import Card, TapRead
from contracts.roster import OF_STAFF, RosterEntry
from edge_agent.cards import CardNames, Named
from edge_agent.clock import Clock, Moment
from edge_agent.debounce import Debounce, Recent
from edge_agent.feedback import Feedback, Outcome, pattern_of
from edge_agent.feedback.base import NOT_STORED
from edge_agent.outbox import Outbox, OutboxDamaged, OutboxUnavailable
from edge_agent.photos.desk import NoPhotos, Photos
from edge_agent.readers import Sighting
from edge_agent.roster import RosterFile, verdict_on
from edge_agent.staff_taps import StaffTaps

log = logging.getLogger(__name__)

_NO_SEQ = 0  # of a draft; the outbox numbers it


@dataclass(frozen=True)
class Desk:
    """What a gate needs to judge a card and to answer its holder.

    ``directions`` has the readers by which one only comes (``in``) or only goes (``out``).
    """

    names: CardNames
    roster: RosterFile
    clock: Clock
    feedback: Feedback
    staff: StaffTaps = field(default_factory=StaffTaps)
    photos: Photos = field(default_factory=NoPhotos)
    directions: Mapping[str, str] = field(default_factory=dict)


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
        named = self._desk.names.name(sighting, uid_cards=self._desk.roster.uid_cards)
        with self._lock:  # two readers must not both find the same counter new
            entry, verdict = self._judge(named)
            draft = self._draft(reader, _card(named, entry), verdict, moment)
            name = None if entry is None else entry.name
            counter = named.counter if entry is not None else None
            recent = self._debounce.tap_of(reader, named.card.digest, verdict, moment.up_ms)
            if recent is None:
                self._record(self._desk.photos.named(draft, entry), name, counter)
            else:
                self._answer(draft, name, recent.seq)
                self._count_repeat(recent.seq, draft, counter)
        if entry is not None:
            self._desk.staff.tapped(entry, sighting)

    def _judge(self, named: Named) -> tuple[RosterEntry | None, str]:
        if named.verdict is not None:
            return None, named.verdict
        entry = self._desk.roster.find(named.card.digest)
        if entry is not None and named.counter is not None and not self._is_new(named):
            return None, "replayed"
        return entry, verdict_on(entry)

    def _is_new(self, named: Named) -> bool:
        """Whether a secure card says what it has not said here before: each read counts one on."""
        try:
            return (named.counter or 0) > self._outbox.counter_of(named.card.digest)
        except OutboxUnavailable as error:  # central sees all counters, and will look again
            log.warning("counter not compared: %s", error)
            return True

    def _record(self, draft: TapRead, name: str | None, counter: int | None) -> None:
        try:
            seq = self._outbox.put(draft, counter)
        except OutboxUnavailable as error:
            log.error("tap not stored: %s", error)
            self._show(NOT_STORED, draft, name, None)
            if isinstance(error, OutboxDamaged):
                raise
            return
        self._answer(draft, name, seq)
        self._debounce.remember(
            draft.reader, draft.card.digest, Recent(seq, draft.verdict, draft.up_ms)
        )
        self._on_stored()
        if draft.photo is not None:
            self._desk.photos.take(draft.photo)

    def _answer(self, draft: TapRead, name: str | None, seq: int) -> None:
        self._show(pattern_of(draft.verdict), draft, name, seq)

    def _show(self, pattern: str, draft: TapRead, name: str | None, seq: int | None) -> None:
        verdict, at = draft.verdict, draft.at
        self._desk.feedback.show(
            Outcome(pattern, name, verdict, seq, at, draft.clock, draft.direction)
        )

    def _count_repeat(self, seq: int, draft: TapRead, counter: int | None) -> None:
        try:
            self._outbox.count_repeat(seq)
            if counter is not None:
                self._outbox.note_counter(draft.card.digest, counter)
        except OutboxUnavailable as error:
            log.warning("repeat of tap %d not counted: %s", seq, error)

    def _draft(self, reader: str, card: Card, verdict: str, moment: Moment) -> TapRead:
        return TapRead(
            seq=_NO_SEQ,
            at=moment.at,
            clock=moment.clock,
            boot=moment.boot,
            up_ms=moment.up_ms,
            reader=reader,
            card=card,
            verdict=verdict,
            direction=self._desk.directions.get(reader),
        )


def _card(named: Named, entry: RosterEntry | None) -> Card:
    of_staff = entry is not None and entry.state in OF_STAFF
    return replace(named.card, kind="staff") if of_staff else named.card
