"""Changing what stands in the queue. Every statement handles all of its rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from central.events import NOTIFICATIONS, announce
from central.notifications.channel import Change, Message
from central.notifications.notice_service import Notice as Notice
from central.notifications.notice_service import queue_notice as queue_notice
from central.notifications.rules import MOST_UNANSWERED, REPEAT_AFTER, REPEATED, Step, advance

_CHANGE: Final = ("change_kind", "from_on", "until_on", "starts_at", "ends_at")

# The oldest due messages of the schools in sight, but one to each guardian, and none to whom an
# older one still waits or is being sent: so an exit cannot overtake the entry before it.
# OFFSET 0 and ctid keep each look-up a look-up by key. Row-level security hides the tables' sizes
# from the planner well enough that it would else join whole schools with one another.
_CLAIM: Final = text("""
    WITH due AS (
        SELECT n.ctid AS place FROM notifications n
        WHERE n.status = 'queued' AND n.due_at <= :now AND n.school_id = ANY (:schools)
        AND NOT EXISTS (
            SELECT FROM notifications older
            WHERE older.school_id = n.school_id AND older.guardian_id = n.guardian_id
            AND older.status IN ('queued', 'sending')
            AND (older.fact_at, older.id) < (n.fact_at, n.id)
            OFFSET 0
        )
        ORDER BY n.due_at
        LIMIT :most
        FOR UPDATE OF n SKIP LOCKED
    ), claimed AS (
        UPDATE notifications n SET status = 'sending', lease_until = :lease_until
        WHERE n.ctid = ANY (ARRAY (SELECT place FROM due))
        RETURNING n.*
    )
    SELECT n.school_id, n.id, n.guardian_id, n.kind, n.attempts, n.lease_until, n.fact_at,
        school.timezone, guardian.locale, guardian.stopped_at IS NOT NULL AS stopped,
        guardian.phone, student.given_names AS given_name, gate.name AS gate,
        n.kind = 'absence' AND EXISTS (
            SELECT FROM no_shows s WHERE s.school_id = n.school_id AND s.on_date = n.on_date
            AND s.student_id = n.student_id AND s.resolved_at IS NOT NULL OFFSET 0
        ) AS moot,
        change.kind AS change_kind, change.from_on, change.until_on, change.starts_at,
        change.ends_at
    FROM claimed n
    CROSS JOIN LATERAL (
        SELECT timezone FROM schools WHERE id = n.school_id OFFSET 0
    ) school
    CROSS JOIN LATERAL (
        SELECT locale, stopped_at, phone FROM guardians
        WHERE school_id = n.school_id AND id = n.guardian_id OFFSET 0
    ) guardian
    CROSS JOIN LATERAL (
        SELECT given_names FROM students
        WHERE school_id = n.school_id AND id = n.student_id OFFSET 0
    ) student
    LEFT JOIN LATERAL (
        SELECT name FROM gates WHERE school_id = n.school_id AND id = n.gate_id OFFSET 0
    ) gate ON true
    LEFT JOIN LATERAL (
        SELECT kind, from_on, until_on, starts_at, ends_at FROM calendar_exceptions
        WHERE n.kind = 'calendar_change' AND school_id = n.school_id AND id = n.ordinal OFFSET 0
    ) change ON true
    ORDER BY n.due_at, n.fact_at, n.id
""")

# In one order everywhere, so that a webhook and a drain cannot deadlock.
LOCK_ROWS: Final = text("""
    SELECT n.* FROM notifications n
    JOIN unnest(CAST(:schools AS bigint[]), CAST(:ids AS bigint[])) AS named (school_id, id)
        ON n.school_id = named.school_id AND n.id = named.id
    ORDER BY n.school_id, n.id
    FOR UPDATE OF n
""")

_RECORD: Final = text("""
    UPDATE notifications n SET
        status = r.status,
        lease_until = NULL,
        due_at = coalesce(r.due_at, n.due_at),
        attempts = n.attempts + r.tries,
        provider_id = coalesce(r.provider_id, n.provider_id),
        error_code = r.error_code,
        error = r.error,
        sent_at = CASE WHEN r.provider_id IS NULL THEN n.sent_at
            ELSE coalesce(n.sent_at, :now) END,
        failed_at = CASE WHEN r.status = 'failed' THEN coalesce(n.failed_at, :now) END
    FROM unnest(
        CAST(:schools AS bigint[]), CAST(:ids AS bigint[]), CAST(:statuses AS text[]),
        CAST(:dues AS timestamptz[]), CAST(:tries AS integer[]), CAST(:provider_ids AS text[]),
        CAST(:error_codes AS integer[]), CAST(:errors AS text[])
    ) AS r (school_id, id, status, due_at, tries, provider_id, error_code, error)
    WHERE n.school_id = r.school_id AND n.id = r.id
""")

# Rows that are locked are being settled by a webhook and need no new time.
_HOLD_BACK: Final = text("""
    WITH later AS (
        SELECT n.school_id, n.id, max(held.due_at) AS due_at FROM notifications n
        JOIN unnest(
            CAST(:schools AS bigint[]), CAST(:guardians AS bigint[]), CAST(:dues AS timestamptz[])
        ) AS held (school_id, guardian_id, due_at)
            ON n.school_id = held.school_id AND n.guardian_id = held.guardian_id
        WHERE n.status = 'queued' AND n.due_at < held.due_at
        GROUP BY n.school_id, n.id
    ), free AS (
        SELECT n.school_id, n.id FROM notifications n
        JOIN later ON n.school_id = later.school_id AND n.id = later.id
        ORDER BY n.school_id, n.id
        FOR UPDATE OF n SKIP LOCKED
    )
    UPDATE notifications n SET due_at = later.due_at
    FROM later JOIN free USING (school_id, id)
    WHERE n.school_id = later.school_id AND n.id = later.id
""")

_LAPSE: Final = text("""
    WITH lapsed AS (
        SELECT school_id, id FROM notifications
        WHERE status = 'sending' AND lease_until < :now AND school_id = ANY (:schools)
        ORDER BY school_id, id
        FOR UPDATE SKIP LOCKED
    )
    UPDATE notifications n
    SET status = CASE WHEN kind = ANY (:repeated) AND attempts + 1 < :most_unanswered
            THEN 'queued' ELSE 'unknown' END,
        due_at = greatest(due_at, :repeat_at),
        lease_until = NULL, attempts = attempts + 1, error = 'sender_lost'
    FROM lapsed WHERE n.school_id = lapsed.school_id AND n.id = lapsed.id
    RETURNING n.school_id
""")


def claim_due(
    session: Session,
    school_ids: Iterable[int],
    *,
    now: datetime,
    lease_until: datetime,
    most: int,
) -> list[Message]:
    """Take up to ``most`` due messages to send; they are the caller's until ``lease_until``.

    Commit before sending. Other claims pass by the rows taken here, so two workers never hold
    the same message.
    """
    rows = session.execute(
        _CLAIM,
        {"schools": list(school_ids), "now": now, "lease_until": lease_until, "most": most},
    )
    return [_message(row) for row in rows]


def _message(row: Row[Any]) -> Message:
    values = dict(row._mapping)
    kind, *days_and_times = [values.pop(name) for name in _CHANGE]
    return Message(**values, change=Change(kind, *days_and_times) if kind else None)


def record_steps(
    session: Session, settled: Sequence[tuple[Message, Step]], *, now: datetime
) -> None:
    """Write down what became of claimed messages, and hold back what must wait behind them.

    A message that a webhook settled meanwhile, or whose lease another worker has seen lapse, only
    learns that it was sent: what the provider says stands above what we think.
    """
    if not settled:
        return
    found = session.execute(
        LOCK_ROWS,
        {
            "schools": [message.school_id for message, _ in settled],
            "ids": [message.id for message, _ in settled],
        },
    )
    rows = {(row.school_id, row.id): row for row in found}
    steps = [
        (message, effective)
        for message, step in settled
        if (effective := _effective(rows.get((message.school_id, message.id)), message, step))
    ]
    if not steps:
        return
    _write(session, steps, now)
    _hold_back(session, steps, now)
    announce(session, ((message.school_id, NOTIFICATIONS) for message, _ in steps))


def lapse(session: Session, school_ids: Iterable[int], *, now: datetime) -> int:
    """Give up on messages whose sender was lost with them in its hands; returns how many.

    Nobody can tell whether such a message went out. A worker claims only what its idle threads
    take at once, so nearly all of them had begun; they become ``unknown`` and are not repeated,
    since two messages about one arrival are worse than none. Kinds of which two are better than
    none are tried again. A webhook may still settle them.
    """
    lapsed = session.scalars(
        _LAPSE,
        {
            "schools": list(school_ids),
            "now": now,
            "repeated": list(REPEATED),
            "repeat_at": now + REPEAT_AFTER,
            "most_unanswered": MOST_UNANSWERED,
        },
    ).all()
    announce(session, ((school_id, NOTIFICATIONS) for school_id in lapsed))
    return len(lapsed)


def _effective(row: Row[Any] | None, message: Message, step: Step) -> Step | None:
    if row is None:
        return None
    if row.status == "sending" and row.lease_until == message.lease_until:
        return step
    if step.status != "sent":
        return None
    return Step(
        advance(row.status, "sent"),
        provider_id=step.provider_id,
        error_code=row.error_code if row.status == "failed" else None,
        error=row.error if row.status == "failed" else None,
    )


def _write(session: Session, steps: Sequence[tuple[Message, Step]], now: datetime) -> None:
    session.execute(
        _RECORD,
        {
            "now": now,
            "schools": [message.school_id for message, _ in steps],
            "ids": [message.id for message, _ in steps],
            "statuses": [step.status for _, step in steps],
            "dues": [step.due_at for _, step in steps],
            "tries": [int(step.counts) for _, step in steps],
            "provider_ids": [step.provider_id for _, step in steps],
            "error_codes": [step.error_code for _, step in steps],
            "errors": [step.error for _, step in steps],
        },
    )


def _hold_back(session: Session, steps: Sequence[tuple[Message, Step]], now: datetime) -> None:
    """What waits behind a message that must wait is not due either.

    It could not be claimed anyway; but as long as it seemed due, it would keep other schools'
    messages out of sight of the next claim.
    """
    held = [
        (message.school_id, message.guardian_id, step.due_at)
        for message, step in steps
        if step.status == "queued" and step.due_at is not None and step.due_at > now
    ]
    if held:
        schools, guardians, dues = zip(*held, strict=True)
        session.execute(
            _HOLD_BACK,
            {"schools": list(schools), "guardians": list(guardians), "dues": list(dues)},
        )
