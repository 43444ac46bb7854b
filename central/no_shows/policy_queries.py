"""What a school has set about the word it sends, and how much word there would be."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from central.no_shows.models import AlertPolicy
from central.no_shows.policy_rules import AlertSettings, Volumes

DAYS_LOOKED_AT: Final = 20  # four weeks: long enough to be usual, short enough to be now

# Closed days only: an open one would still grow. Each student is counted as often as there are
# guardians who would hear of it, as in the statements that queue messages.
_VOLUMES: Final = text("""
    WITH days AS (
        SELECT on_date FROM day_closings WHERE school_id = :school_id AND on_date < :today
        ORDER BY on_date DESC LIMIT :most
    ), told AS (
        SELECT l.student_id, count(*) FILTER (WHERE l.notify_entry) AS entry,
            count(*) FILTER (WHERE l.notify_exit) AS exit,
            count(*) FILTER (WHERE l.notify_entry OR l.notify_absence) AS late,
            count(*) FILTER (WHERE l.notify_absence AND NOT l.notify_entry) AS late_only,
            count(*) FILTER (WHERE l.notify_absence) AS absence
        FROM student_guardians l
        JOIN guardians g ON g.school_id = l.school_id AND g.id = l.guardian_id
            AND g.phone IS NOT NULL AND g.stopped_at IS NULL
        WHERE l.school_id = :school_id GROUP BY l.student_id
    )
    SELECT count(DISTINCT a.on_date),
        coalesce(sum(t.entry) FILTER (WHERE a.first_entry_at IS NOT NULL), 0)::float,
        coalesce(sum(t.exit) FILTER (WHERE a.last_exit_at IS NOT NULL), 0)::float,
        coalesce(sum(t.late) FILTER (WHERE a.minutes_late > 0), 0)::float,
        coalesce(sum(t.late_only) FILTER (WHERE a.minutes_late > 0), 0)::float,
        coalesce(sum(t.absence) FILTER (WHERE a.status = 'absent'), 0)::float
    FROM days d
    JOIN attendance_days a ON a.school_id = :school_id AND a.on_date = d.on_date
        AND a.status <> 'no_class'
    LEFT JOIN told t ON t.student_id = a.student_id
""")


def alert_settings(session: Session, school_id: int) -> AlertSettings:
    """What counts for the school, which the session must have entered."""
    row = session.get(AlertPolicy, school_id)
    if row is None:
        return AlertSettings()
    return AlertSettings(*(getattr(row, name) for name in AlertSettings._fields))


def volumes(session: Session, school_id: int, today: date) -> Volumes:
    """How much word there would have been on the school days closed last, by kind, a day."""
    values = {"school_id": school_id, "today": today, "most": DAYS_LOOKED_AT}
    days, *sums = session.execute(_VOLUMES, values).one()
    return Volumes(days, *(one / days for one in sums)) if days else Volumes()
