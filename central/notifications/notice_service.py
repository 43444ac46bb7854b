"""Queueing what is out of the ordinary: absences, withdrawals and changes of the calendar.

Usual entries and exits are queued by the attendance service as it records taps.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.events import NOTIFICATIONS, announce

# As in the statement for passages, a guardian without a telephone, or who asked for no more
# messages, gets no row.
_QUEUE: Final = text("""
    INSERT INTO notifications
        (school_id, student_id, guardian_id, kind, on_date, ordinal, fact_at, due_at)
    SELECT l.school_id, l.student_id, g.id, :kind, :on_date, :ordinal, :fact_at, :now
    FROM unnest(CAST(:student_ids AS bigint[])) AS told (student_id)
    JOIN student_guardians l ON l.school_id = :school_id AND l.student_id = told.student_id
        AND l.notify_absence
    JOIN guardians g ON g.school_id = l.school_id AND g.id = l.guardian_id
        AND g.phone IS NOT NULL AND g.stopped_at IS NULL
    ORDER BY l.student_id, g.id
    ON CONFLICT DO NOTHING
    RETURNING id
""")


@dataclass(frozen=True, slots=True)
class Notice:
    """A fact to tell: ``absence``, ``withdrawal`` or ``calendar_change``.

    ``ordinal`` is which of its kind on the date, from 1; of a calendar change the exception's id.
    ``fact_at`` is when it happened or was found, which an absence and a withdrawal say.
    """

    kind: str
    on_date: date
    fact_at: datetime
    ordinal: int = 1


def queue_notice(
    session: Session, school_id: int, student_ids: Collection[int], notice: Notice, *, now: datetime
) -> int:
    """Queue the notice for every guardian of these students who is to be told.

    Returns how many messages that are. Repeating queues nothing twice. After the commit a worker
    may be woken; the scheduler does so within seconds in any case.
    """
    if not student_ids:
        return 0
    queued = session.execute(
        _QUEUE,
        {
            "school_id": school_id,
            "student_ids": sorted(student_ids),
            "kind": notice.kind,
            "on_date": notice.on_date,
            "ordinal": notice.ordinal,
            "fact_at": notice.fact_at,
            "now": now,
        },
    ).all()
    if queued:
        announce(session, [(school_id, NOTIFICATIONS)])
    return len(queued)
