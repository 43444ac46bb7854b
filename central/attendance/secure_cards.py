"""Taps that a secure card did not make, although they say so.

Two kinds: ``forged``, of which the card's key says that the card was not there, and ``replayed``,
which the card did say, once, but at another time. Such a tap is kept and counts for nobody; a
person is asked. Which taps are doubted depends on all taps of a card and not on their order of
arrival: a gate that was offline may tell in the evening what it saw before the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.attendance.facts import Day
from central.attendance.staging import NewTap, StagedTap
from central.cards.keys import CardKeys
from central.devices import quarantine
from central.devices.quarantine import Unreadable
from central.schools.models import SiteKey
from central.tasks.service import NewTask, open_task
from contracts import topics

KIND: Final = "card_alert"
FORGED, REPLAYED = "forged", "replayed"
MOST_REASONS: Final = 20  # of one card on one date; more say nothing new
# Two gates' clocks may differ, and a child may pass both within a minute.
CLOCKS_AGREE_WITHIN: Final = timedelta(minutes=10)

# Of two taps that tell the same read, the later is the copy. So is one that tells an earlier read
# than a tap before it. A tap that a gate sent again under another number is the same tap.
_FIND_REPLAYS = text("""
    WITH fresh AS (
        SELECT t.* FROM unnest(CAST(:school_ids AS bigint[]), CAST(:stream_ids AS bigint[]),
                               CAST(:seqs AS bigint[])) AS k (school_id, stream_id, seq)
        JOIN taps t USING (school_id, stream_id, seq)
        WHERE t.counter IS NOT NULL
    ), copies AS (
        SELECT CASE WHEN (o.tapped_at, o.boot, o.up_ms) > (f.tapped_at, f.boot, f.up_ms)
            THEN o.stream_id ELSE f.stream_id END AS stream_id,
            CASE WHEN (o.tapped_at, o.boot, o.up_ms) > (f.tapped_at, f.boot, f.up_ms)
            THEN o.seq ELSE f.seq END AS seq, f.school_id
        FROM fresh f JOIN taps o ON o.school_id = f.school_id AND o.digest = f.digest
            AND o.counter = f.counter AND (o.boot, o.up_ms) <> (f.boot, f.up_ms)
        UNION
        SELECT f.stream_id, f.seq, f.school_id FROM fresh f WHERE f.clock <> 'unsynced'
            AND EXISTS (SELECT FROM taps o WHERE o.school_id = f.school_id AND o.digest = f.digest
                AND o.counter > f.counter AND o.clock <> 'unsynced'
                AND o.tapped_at < f.tapped_at - CAST(:tolerance AS interval))
        UNION
        SELECT o.stream_id, o.seq, o.school_id FROM fresh f JOIN taps o
            ON o.school_id = f.school_id AND o.digest = f.digest AND o.counter < f.counter
            AND o.tapped_at > f.tapped_at + CAST(:tolerance AS interval) AND o.clock <> 'unsynced'
        WHERE f.clock <> 'unsynced'
    )
    UPDATE taps t SET doubt = 'replayed' FROM copies c
    WHERE t.school_id = c.school_id AND t.stream_id = c.stream_id AND t.seq = c.seq
        AND t.doubt IS NULL
    RETURNING t.school_id, t.student_id, t.on_date, t.stream_id, t.seq
""")
_DOUBTED = text("""
    WITH about AS (
        SELECT DISTINCT t.school_id, t.digest, t.on_date
        FROM unnest(CAST(:school_ids AS bigint[]), CAST(:stream_ids AS bigint[]),
                    CAST(:seqs AS bigint[])) AS k (school_id, stream_id, seq)
        JOIN taps t USING (school_id, stream_id, seq)
    )
    SELECT a.school_id, c.id AS card_id, a.on_date, t.doubt, t.tapped_at, g.name AS gate
    FROM about a JOIN cards c ON c.school_id = a.school_id AND c.digest = a.digest
    JOIN taps t ON t.school_id = a.school_id AND t.on_date = a.on_date AND t.digest = a.digest
        AND t.doubt IS NOT NULL
    JOIN gates g ON g.school_id = t.school_id AND g.id = t.gate_id
    ORDER BY a.school_id, c.id, a.on_date, t.tapped_at, t.stream_id, t.seq
""")


def proven(
    session: Session, staged: Sequence[StagedTap], keys: CardKeys | None
) -> Sequence[StagedTap]:
    """The same taps; those of secure cards with the counter that they prove, or with a doubt."""
    if keys is None or not any(one.tap.card.e for one in staged):
        return staged
    schools = {one.stream.school_id for one in staged if one.tap.card.e}
    known = select(SiteKey.school_id, SiteKey.key).where(SiteKey.school_id.in_(schools))
    site_keys = {row.school_id: row.key for row in session.execute(known)}
    return [_judged(one, keys, site_keys) if one.tap.card.e else one for one in staged]


def settle(
    session: Session,
    stored: Sequence[NewTap],
    staged: Sequence[StagedTap],
    moved: Sequence[NewTap],
    *,
    now: datetime,
) -> set[Day]:
    """Doubt the copies that show only beside other taps, and ask a person about all doubts.

    ``stored`` are those of ``staged`` that were not here before, ``moved`` have another time now.
    Returns the days from which taps were taken. The students' days are to be concluded afterwards.
    """
    said = {(one.stream.id, one.tap.seq): one for one in staged if one.tap.card.e}
    fresh = [tap for tap in stored if (tap.stream_id, tap.seq) in said]
    if not fresh and not moved:
        return set()
    parameters = {**_columns([*fresh, *moved]), "tolerance": CLOCKS_AGREE_WITHIN}
    copies = [NewTap(*row) for row in session.execute(_FIND_REPLAYS, parameters)]
    doubted = [tap for tap in fresh if said[tap.stream_id, tap.seq].doubt]
    evidence = _evidence(said, [*doubted, *copies])
    quarantine.keep(session, list(evidence), now=now)
    if doubted or copies:
        _ask(session, [*doubted, *copies], now=now)
    return {
        (tap.school_id, tap.student_id, tap.on_date) for tap in copies if tap.student_id is not None
    }


def _judged(one: StagedTap, keys: CardKeys, site_keys: Mapping[int, bytes]) -> StagedTap:
    school_id, verdict = one.stream.school_id, one.tap.verdict
    counter = keys.proven_counter(one.tap.card, school_id, site_keys[school_id])
    if counter is None:
        return replace(one, doubt=FORGED)
    # what the gate saw by itself: the number of another card, a counter that did not grow
    doubt = verdict if verdict in (FORGED, REPLAYED) else None
    return replace(one, counter=counter, doubt=doubt)


def _evidence(
    said: Mapping[tuple[int, int], StagedTap], doubted: Iterable[NewTap]
) -> Iterator[Unreadable]:
    """What the cards said, which the table of taps does not keep."""
    for tap in doubted:
        one = said.get((tap.stream_id, tap.seq))
        if one is not None:
            content = {"stream": one.stream.receipt.stream, "taps": [one.tap.wire()]}
            payload = json.dumps(content).encode()
            reason = f"card: {one.doubt or REPLAYED}"
            topic = topics.taps(one.device_id)
            yield Unreadable(topic, payload, reason, one.device_id, tap.school_id)


def _ask(session: Session, doubted: Iterable[NewTap], *, now: datetime) -> None:
    rows = session.execute(_DOUBTED, _columns(doubted))
    for (school_id, card_id, on_date), group in groupby(rows, key=lambda row: tuple(row[:3])):
        reasons = [
            {"code": f"card_{row.doubt}", "gate": row.gate, "since": row.tapped_at.isoformat()}
            for row in group
        ]
        task = NewTask(KIND, on_date, {"card": card_id}, reasons[-MOST_REASONS:])
        open_task(session, school_id, task, now=now)


def _columns(taps: Iterable[NewTap]) -> dict[str, Any]:
    listed = list(taps)
    return {
        "school_ids": [tap.school_id for tap in listed],
        "stream_ids": [tap.stream_id for tap in listed],
        "seqs": [tap.seq for tap in listed],
    }
