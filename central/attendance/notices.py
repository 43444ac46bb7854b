"""Which passages guardians are told about: rows of the notification table, which is the queue."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance import rules
from central.attendance.days import Concluded
from central.attendance.passage_rules import ENTRY, Passage
from central.attendance.staging import NewTap

# Whether a fact was told is looked up by school, student and date, which the unique index begins
# with. A join, or the guardian as a column of that index (hence + 0), would look dearer to the
# planner than reading all messages of the school.
_QUEUE = text("""
    INSERT INTO notifications
        (school_id, student_id, guardian_id, kind, on_date, ordinal, fact_at, gate_id, due_at)
    SELECT p.school_id, p.student_id, g.id, p.kind, p.on_date, p.ordinal, p.fact_at, p.gate_id,
        :now
    FROM unnest(CAST(:school_ids AS bigint[]), CAST(:student_ids AS bigint[]),
                CAST(:dates AS date[]), CAST(:kinds AS text[]), CAST(:ordinals AS integer[]),
                CAST(:times AS timestamptz[]), CAST(:gate_ids AS bigint[]),
                CAST(:late AS boolean[]))
         AS p (school_id, student_id, on_date, kind, ordinal, fact_at, gate_id, late)
    LEFT JOIN alert_policies x ON x.school_id = p.school_id
    JOIN student_guardians l ON l.school_id = p.school_id AND l.student_id = p.student_id
        AND CASE WHEN p.late AND coalesce(x.tell_late, true)
            THEN l.notify_entry OR l.notify_absence
            WHEN p.kind = 'entry' THEN l.notify_entry AND coalesce(x.tell_entries, false)
            ELSE l.notify_exit AND coalesce(x.tell_exits, false) END
    JOIN guardians g ON g.school_id = l.school_id AND g.id = l.guardian_id
        AND g.phone IS NOT NULL AND g.stopped_at IS NULL
    WHERE (SELECT count(*) FROM notifications n
        WHERE n.school_id = p.school_id AND n.student_id = p.student_id AND n.on_date = p.on_date
            AND (n.kind = p.kind OR p.kind = 'entry' AND n.kind = 'arrived_after_alert')
            AND n.guardian_id + 0 = g.id AND n.fact_at = p.fact_at) = 0
    ORDER BY p.fact_at, p.student_id, g.id
    ON CONFLICT DO NOTHING
    RETURNING school_id
""")


def queue(
    session: Session,
    concluded: Concluded,
    fresh: Collection[NewTap],
    *,
    now: datetime,
) -> list[int]:
    """Queue a message to each guardian who is to know of a passage that is news.

    Of a usual passage only if the school tells them at all, and the guardian asked for it; of an
    entry by which a student comes late, whoever is told of what is out of the ordinary.
    Returns the school of each message queued. A passage is told only if all its taps are
    ``fresh``: each tap is so in one transaction only and thus causes one message at most, also
    when an earlier tap that arrives late turns what was an entry into an exit. Taps of one instant
    at several gates are one fact, whatever they conclude together.
    """
    new = {(tap.stream_id, tap.seq) for tap in fresh}
    facts = {
        (day, passage.kind, passage.lead.tapped_at): passage
        for day, day_passages in concluded.passages.items()
        for passage in day_passages
        if _is_news(passage, now) and all((tap.stream_id, tap.seq) in new for tap in passage.taps)
    }
    told = [(day, passage) for (day, _, _), passage in facts.items()]
    if not told:
        return []
    rows = session.execute(
        _QUEUE,
        {
            "school_ids": [school_id for (school_id, _, _), _ in told],
            "student_ids": [student_id for (_, student_id, _), _ in told],
            "dates": [on_date for (_, _, on_date), _ in told],
            "kinds": [passage.kind for _, passage in told],
            "ordinals": [passage.ordinal for _, passage in told],
            "times": [passage.lead.tapped_at for _, passage in told],
            "gate_ids": [passage.lead.gate_id for _, passage in told],
            "late": [_comes_late(passage, day in concluded.late) for day, passage in told],
            "now": now,
        },
    )
    return [school_id for (school_id,) in rows]


def _comes_late(passage: Passage, late: bool) -> bool:
    """Whether it is by this passage that the student came late: by the first entry of the day."""
    return late and passage.kind == ENTRY and passage.ordinal == 1


def _is_news(passage: Passage, now: datetime) -> bool:
    return passage.lead.clock != "unsynced" and rules.is_news(passage.lead.tapped_at, now)
