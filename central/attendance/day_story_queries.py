"""One student's day: what is concluded, from which passages, and which taps were left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session

from central.attendance.corrections_queries import is_closed
from central.attendance.models import AttendanceDay, DayCorrection, Tap
from central.attendance.passage_rules import DayTap, passages
from central.attendance.rules import Correction, ignored_taps
from central.devices.models import Gate

TapKey = tuple[int, int]  # stream, seq


@dataclass(frozen=True, slots=True)
class TapTold:
    """A tap as the student's page tells it."""

    stream_id: int
    seq: int
    at: datetime
    gate: str
    clock: str
    card_kind: str
    verdict: str
    doubt: str | None  # why it may not have been this card


@dataclass(frozen=True, slots=True)
class PassageTold:
    """``kind`` is ``entry`` or ``exit``; the first of ``taps`` decides."""

    kind: str
    reason: str
    ordinal: int
    taps: tuple[TapTold, ...]

    @property
    def lead(self) -> TapTold:
        return self.taps[0]


@dataclass(frozen=True, slots=True)
class DayStory:
    """``status`` None: nothing is concluded about the day yet."""

    status: str | None
    method: str
    minutes_late: int
    inside: bool
    confidence: str
    closed: bool
    passages: tuple[PassageTold, ...]
    left_out: tuple[TapTold, ...]


def day_story(session: Session, school_id: int, student_id: int, on_date: date) -> DayStory:
    """The day as it stands. The session must have entered the school."""
    rows = {(row.stream_id, row.seq): row for row in _taps(session, school_id, student_id, on_date)}
    doubted = {key for key, row in rows.items() if row.doubt is not None}
    ignored = _ignored(session, school_id, student_id, on_date, doubted)
    counted = [_day_tap(row) for key, row in rows.items() if key not in ignored]
    told = tuple(
        PassageTold(
            one.kind,
            one.reason,
            one.ordinal,
            tuple(_told(rows[tap.stream_id, tap.seq]) for tap in one.taps),
        )
        for one in passages(counted)
    )
    day = session.get(AttendanceDay, (school_id, on_date, student_id))
    return DayStory(
        status=day.status if day else None,
        method=day.method if day else "",
        minutes_late=day.minutes_late if day else 0,
        inside=day.inside if day else False,
        confidence=day.confidence if day else "sure",
        closed=is_closed(session, school_id, on_date),
        passages=told,
        left_out=tuple(_told(rows[key]) for key in sorted(ignored & rows.keys())),
    )


def _taps(session: Session, school_id: int, student_id: int, on_date: date) -> Any:
    return session.execute(
        select(
            *(Tap.stream_id, Tap.seq, Tap.tapped_at, Tap.direction, Tap.gate_id, Tap.clock),
            *(Tap.reader, Tap.card_kind, Tap.verdict, Tap.doubt, Gate.name.label("gate")),
        )
        .join(Gate, and_(Gate.school_id == Tap.school_id, Gate.id == Tap.gate_id))
        .where(Tap.school_id == school_id, Tap.student_id == student_id, Tap.on_date == on_date)
    )


def _ignored(
    session: Session, school_id: int, student_id: int, on_date: date, doubted: Collection[TapKey]
) -> set[TapKey]:
    rows = session.execute(
        select(
            *(DayCorrection.id, DayCorrection.kind, DayCorrection.stream_id, DayCorrection.seq)
        ).where(
            DayCorrection.school_id == school_id,
            DayCorrection.student_id == student_id,
            DayCorrection.on_date == on_date,
            DayCorrection.state.in_(("applied", "approved")),
        )
    )
    return ignored_taps((Correction(**row._mapping) for row in rows), doubted)


def _day_tap(row: Row[Any]) -> DayTap:
    return DayTap(
        *(row.tapped_at, row.direction, row.gate_id, row.clock, row.card_kind),
        *(row.stream_id, row.seq, row.reader),
    )


def _told(row: Row[Any]) -> TapTold:
    return TapTold(
        *(row.stream_id, row.seq, row.tapped_at, row.gate, row.clock, row.card_kind, row.verdict),
        row.doubt,
    )
