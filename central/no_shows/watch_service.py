"""What the clock does about no-shows: due checks, outages of gates, and held tasks looked at again.

``survey`` looks at all schools with the same few statements; what it finds is then done school by
school, each in its own transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from central.attendance import late_arrivals
from central.attendance.service import refresh_school_days
from central.no_shows import scene_queries, statements
from central.no_shows.rules import DeviceNow, has_caught_up, is_out
from central.no_shows.scene_queries import Morning, Start
from central.tasks.service import Decision, close_task

_CHECKS: Final = text("""
    SELECT c.school_id, c.on_date, c.begins_at, t.id AS open_task,
        ARRAY (SELECT DISTINCT n.course_id FROM no_shows n WHERE n.school_id = c.school_id
               AND n.on_date = c.on_date AND n.begins_at = c.begins_at AND n.state = 'held')
            AS held
    FROM no_show_checks c
    LEFT JOIN tasks t ON t.school_id = c.school_id AND t.id = c.task_id AND t.state = 'open'
    WHERE c.school_id = ANY (CAST(:school_ids AS bigint[])) AND c.on_date = ANY (:dates)
""")
_OPEN_OUTAGES: Final = text("""
    INSERT INTO gate_outages (school_id, gate_id, from_at)
    SELECT * FROM unnest(CAST(:school_ids AS bigint[]), CAST(:gate_ids AS bigint[]),
                         CAST(:times AS timestamptz[]))
    ON CONFLICT DO NOTHING
""")
# A new stream means that the old outbox is gone, with what it may have kept: that time stays
# without data. Otherwise all taps have arrived, and there was no outage that matters.
_CLOSE_OUTAGE: Final = text("""
    WITH lost AS (
        SELECT o.id, min(s.started_at) AS until_at
        FROM gate_outages o
        JOIN devices d ON d.school_id = o.school_id AND d.gate_id = o.gate_id AND d.kind = 'gate'
        JOIN streams s ON s.school_id = d.school_id AND s.device_id = d.id
            AND s.started_at > o.from_at
        WHERE o.school_id = :school_id AND o.gate_id = :gate_id AND o.until_at IS NULL
            AND EXISTS (SELECT FROM streams old WHERE old.school_id = d.school_id
                        AND old.device_id = d.id AND old.started_at <= o.from_at)
        GROUP BY o.id
    ), kept AS (
        UPDATE gate_outages o SET until_at = lost.until_at FROM lost
        WHERE o.school_id = :school_id AND o.id = lost.id RETURNING o.id, o.from_at
    ), gone AS (
        DELETE FROM gate_outages o
        WHERE o.school_id = :school_id AND o.gate_id = :gate_id AND o.until_at IS NULL
            AND NOT EXISTS (SELECT FROM lost WHERE lost.id = o.id)
        RETURNING o.from_at
    )
    SELECT from_at FROM gone UNION ALL SELECT from_at FROM kept
""")
_CLOSED_SINCE: Final = text("""
    SELECT min(on_date), max(on_date) FROM day_closings
    WHERE school_id = :school_id AND on_date >= :from_on
""")

_DISMISS_DAY: Final = text("""
    UPDATE no_shows SET state = 'dismissed'
    WHERE school_id = :school_id AND on_date = :on_date AND state = 'held'
""")
_TASKS_OF_DAY: Final = text("""
    SELECT t.id FROM no_show_checks c
    JOIN tasks t ON t.school_id = c.school_id AND t.id = c.task_id AND t.state = 'open'
    WHERE c.school_id = :school_id AND c.on_date = :on_date ORDER BY t.id
""")


@dataclass(frozen=True, slots=True)
class Held:
    """An open task about a start, to be looked at again."""

    start: Start
    task_id: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What is to be done now: starts to check, held ones to look at, gates that are back.

    ``late`` are those for whom class begins now, because they were to come later.
    """

    due: Sequence[Start]
    late: Sequence[Start]
    held: Sequence[Held]
    back: Sequence[tuple[int, int]]  # school, gate


def survey(
    session: Session, school_ids: Collection[int], *, now: datetime, grace: timedelta
) -> Survey:
    """Note which gates are out, settle who has come or was excused, and say what else is due.

    The session must have entered these schools.
    """
    morning = scene_queries.morning_of(session, school_ids, now, grace)
    devices = scene_queries.devices_now(session, school_ids, now)
    _open_outages(session, devices, morning, now)
    dates = sorted({start.on_date for start in morning.starts})
    settle(session, school_ids, dates, now=now)
    checks = session.execute(_CHECKS, {"school_ids": list(school_ids), "dates": dates}).all()
    done = {(check.school_id, check.on_date, check.begins_at): check for check in checks}
    due, held = [], []
    for start in morning.starts:
        check = done.pop((start.school_id, start.on_date, start.begins_at), None)
        if check is None and start.due_at <= now and morning.in_session(start.school_id, now):
            due.append(start)
        elif check is not None and check.open_task is not None:
            held.append(Held(start, check.open_task))
    held += [_other_held(check, morning) for check in done.values() if check.open_task is not None]
    late = scene_queries.late_starts(session, morning, now)
    return Survey(due, late, held, _gates_back(devices, now))


def _other_held(check: Row[Any], morning: Morning) -> Held:
    """A check of those who were to come later, or of a start that the calendar no longer has."""
    _, policy = morning.schools[check.school_id]
    courses = tuple(sorted(check.held))
    return Held(
        Start(check.school_id, check.on_date, check.begins_at, courses, policy), check.open_task
    )


def settle(
    session: Session, school_ids: Collection[int], dates: Sequence[date], *, now: datetime
) -> None:
    """Note who has come, or was excused, since they were missed. Repeating changes nothing."""
    if not dates:
        return
    which = {"school_ids": list(school_ids), "dates": list(dates)}
    came = session.execute(statements.OVERLOOKED, which).all()
    late_arrivals.settle(session, [(*day,) for day in came], now=now)
    session.execute(statements.EXCUSE, {**which, "now": now})


def end_day(session: Session, school_id: int, on_date: date, *, now: datetime) -> None:
    """Nobody is alarmed about a date that is over: what is still held is dismissed.

    The days themselves say what is known, and ``no_data`` where gates were out.
    """
    which = {"school_id": school_id, "on_date": on_date}
    settle(session, [school_id], [on_date], now=now)
    session.execute(_DISMISS_DAY, which)
    for task_id in session.scalars(_TASKS_OF_DAY, which).all():
        close_task(session, school_id, task_id, Decision("dismissed"), now=now)


def end_outage(session: Session, school_id: int, gate_id: int) -> bool:
    """A gate is back and has sent all it kept: end its outage; days in doubt are concluded anew.

    The session must have entered the school.
    """
    began = session.scalar(_CLOSE_OUTAGE, {"school_id": school_id, "gate_id": gate_id})
    if began is None:
        return False
    # a date is closed after it, so one day of margin covers every time zone
    values = {"school_id": school_id, "from_on": began.date() - timedelta(days=1)}
    first, last = session.execute(_CLOSED_SINCE, values).one()
    if first is not None:
        refresh_school_days(session, school_id, first, last)
    return True


def _open_outages(
    session: Session, devices: Mapping[int, Sequence[DeviceNow]], morning: Morning, now: datetime
) -> None:
    silence = {start.school_id: start.policy.silent_after for start in morning.starts}
    out = {
        (school_id, device.gate_id): device.heard_at or now
        for school_id, here in devices.items()
        if morning.in_session(school_id, now)
        for device in here
        if device.out_since is None and is_out(device, silence[school_id], now)
    }
    if out:
        session.execute(
            _OPEN_OUTAGES,
            {
                "school_ids": [school_id for school_id, _ in out],
                "gate_ids": [gate_id for _, gate_id in out],
                "times": list(out.values()),
            },
        )


def _gates_back(devices: Mapping[int, Sequence[DeviceNow]], now: datetime) -> list[tuple[int, int]]:
    """Gates with an outage all of whose devices have caught up."""
    out = {
        (school_id, device.gate_id)
        for school_id, here in devices.items()
        for device in here
        if device.out_since is not None
    }
    behind = {
        (school_id, device.gate_id)
        for school_id, here in devices.items()
        for device in here
        if device.in_use and not has_caught_up(device, now)
    }
    return sorted(out - behind)
