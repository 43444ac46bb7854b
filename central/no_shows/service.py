"""The check for students who have not come, and what people decide about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from central import events
from central.errors import Conflict, NotFound
from central.no_shows import scene_queries, statements
from central.no_shows.rules import CourseCount, Scene, Verdict, judge
from central.no_shows.scene_queries import Start
from central.notifications.notice_service import Notice, queue_notice
from central.tasks import service as tasks
from central.tasks.service import Decision, NewTask

KIND: Final = "no_show_check"

_BEGIN: Final = text("""
    INSERT INTO no_show_checks (school_id, on_date, begins_at, checked_at)
    VALUES (:school_id, :on_date, :begins_at, :now) ON CONFLICT DO NOTHING RETURNING 1
""")
_END: Final = text("""
    UPDATE no_show_checks SET expected = :expected, missing = :missing, task_id = :task_id
    WHERE school_id = :school_id AND on_date = :on_date AND begins_at = :begins_at
""")
_OF_TASK: Final = text("""
    SELECT c.on_date, c.begins_at, t.state,
        ARRAY (SELECT DISTINCT n.course_id FROM no_shows n WHERE n.school_id = c.school_id
               AND n.on_date = c.on_date AND n.begins_at = c.begins_at AND n.state = 'held')
    FROM tasks t LEFT JOIN no_show_checks c ON c.school_id = t.school_id AND c.task_id = t.id
    WHERE t.school_id = :school_id AND t.id = :task_id FOR UPDATE OF t
""")
_ANY_TOLD: Final = text("""
    SELECT EXISTS (SELECT FROM no_shows n JOIN tasks t ON t.school_id = n.school_id
        WHERE t.school_id = :school_id AND t.id = :task_id AND n.on_date = :on_date
        AND n.begins_at = :begins_at AND n.told_at > t.created_at)
""")


class CheckKey(NamedTuple):
    """Names one check; the first three columns of its no-shows."""

    school_id: int
    on_date: date
    begins_at: datetime


class Told(NamedTuple):
    """What telling came to. ``cleared`` had come, or were excused, since they were missed."""

    students: int = 0
    cleared: int = 0
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found and did; ``task_id`` None: nobody has to decide anything."""

    expected: int
    missing: int
    told: Told
    task_id: int | None


def run_check(session: Session, start: Start, *, now: datetime) -> Checked | None:
    """Find who has not come to the courses of a start; tell the families where that is safe.

    Runs once: for a start that was checked before it does nothing and returns None. Where it is
    not safe nobody is told, and one task asks a person. The number of statements is constant. The
    session must have entered the school.
    """
    key = CheckKey(start.school_id, start.on_date, start.begins_at)
    if session.scalar(_BEGIN, {**key._asdict(), "now": now}) is None:
        return None
    values = {**key._asdict(), "course_ids": list(start.course_ids), "now": now}
    counts = _counts(session.execute(statements.FIND, values).all())
    return _end_check(session, start, counts, now)


def check_late(session: Session, start: Start, *, now: datetime) -> Checked:
    """Miss those who were to come later, and tell their families where that is safe.

    Whether too many are absent is asked of their whole courses. Takes a constant number of
    statements; the session must have entered the school.
    """
    key = CheckKey(start.school_id, start.on_date, start.begins_at)
    session.execute(_BEGIN, {**key._asdict(), "now": now})
    missed = {
        "student_ids": [student_id for student_id, _ in start.late],
        "course_ids": [course_id for _, course_id in start.late],
    }
    session.execute(statements.MISS_LATE, {**key._asdict(), **missed, "now": now})
    counts = _counts(session.execute(statements.EXPECTED, {**key._asdict(), "now": now}).all())
    return _end_check(session, start, counts, now)


def _end_check(
    session: Session, start: Start, counts: dict[int, CourseCount], now: datetime
) -> Checked:
    key = CheckKey(start.school_id, start.on_date, start.begins_at)
    verdict = judge(_scene(session, start, counts, now), now)
    told = tell(session, key, verdict.safe, now=now)
    task_id = _ask(session, key, verdict, now) if verdict.held else None
    expected = sum(count.expected for count in counts.values())
    missing = sum(count.missing for count in counts.values())
    session.execute(
        _END, {**key._asdict(), "expected": expected, "missing": missing, "task_id": task_id}
    )
    events.announce(session, [(start.school_id, events.TASKS)])
    return Checked(expected, missing, told, task_id)


def look_again(session: Session, start: Start, task_id: int, *, now: datetime) -> Told:
    """Tell what an open task holds as far as that has become safe; the task may resolve itself.

    ``start`` are the courses of the check. Repeating it changes nothing.
    """
    key = CheckKey(start.school_id, start.on_date, start.begins_at)
    values = {**key._asdict(), "now": now}
    held = {row.course_id: row.missing for row in session.execute(statements.STILL_MISSING, values)}
    counts = _counts(session.execute(statements.EXPECTED, values).all())
    verdict = judge(_scene(session, start, counts, now), now)
    # a course of which nobody is missing any more needs no gate to be sure of that
    free = [id_ for id_, missing in held.items() if not missing or id_ not in verdict.held]
    told = tell(session, key, free, now=now)
    left = sorted(set(held) - set(free))
    if left:
        tasks.set_reasons(session, start.school_id, task_id, verdict.reasons)
    else:
        tasks.close_task(session, start.school_id, task_id, Decision("resolved"), now=now)
    return told


def tell(session: Session, key: CheckKey, course_ids: Collection[int], *, now: datetime) -> Told:
    """Tell the families of those of these courses who are held and still not there.

    Who has come or was excused meanwhile is cleared, and nobody is told.
    """
    if not course_ids:
        return Told()
    values = {**key._asdict(), "course_ids": list(course_ids), "now": now}
    rows = session.execute(statements.HELD, values).all()
    if not rows:
        return Told()
    session.execute(
        statements.SETTLE_HELD,
        {
            **key._asdict(),
            "student_ids": [row.student_id for row in rows],
            "resolutions": [row.resolution for row in rows],
            "times": [row.came_at for row in rows],
            "now": now,
        },
    )
    missing = [row.student_id for row in rows if row.resolution is None]
    notice = Notice("absence", key.on_date, fact_at=now)
    messages = queue_notice(session, key.school_id, missing, notice, now=now)
    return Told(len(missing), len(rows) - len(missing), messages)


def confirm(
    session: Session,
    school_id: int,
    task_id: int,
    course_ids: Collection[int] | None,
    decision: Decision,
    *,
    now: datetime,
) -> Told:
    """A person says that these courses' students (None: all that are held) are missing indeed.

    The task is done once nothing is held. Raises NotFound, Conflict for what is not open.
    """
    key, held = _open_check(session, school_id, task_id)
    told = tell(session, key, _chosen(held, course_ids), now=now)
    _close_if_settled(session, key, task_id, decision, now)
    return told


def dismiss(
    session: Session,
    school_id: int,
    task_id: int,
    course_ids: Collection[int] | None,
    decision: Decision,
    *,
    now: datetime,
) -> int:
    """A person says that nobody of these courses is to be told; returns how many students.

    Raises as ``confirm``.
    """
    key, held = _open_check(session, school_id, task_id)
    chosen = _chosen(held, course_ids)
    rows = session.execute(statements.DISMISS, {**key._asdict(), "course_ids": list(chosen)}).all()
    _close_if_settled(session, key, task_id, decision, now)
    return len(rows)


def _scene(session: Session, start: Start, counts: dict[int, CourseCount], now: datetime) -> Scene:
    return Scene(
        policy=start.policy,
        due_at=start.due_at,
        courses=counts,
        devices=scene_queries.devices_now(session, [start.school_id], now)[start.school_id],
        serving=scene_queries.gates_serving(session, start.school_id),
    )


def _counts(rows: Sequence[Row[Any]]) -> dict[int, CourseCount]:
    return {row.course_id: CourseCount(row.expected, row.missing) for row in rows}


def _ask(session: Session, key: CheckKey, verdict: Verdict, now: datetime) -> int:
    subject = {"begins_at": key.begins_at.isoformat()}
    task = NewTask(KIND, key.on_date, subject, verdict.reasons)
    return tasks.open_task(session, key.school_id, task, now=now)


def _open_check(session: Session, school_id: int, task_id: int) -> tuple[CheckKey, list[int]]:
    row = session.execute(_OF_TASK, {"school_id": school_id, "task_id": task_id}).one_or_none()
    if row is None or row.on_date is None:
        raise NotFound(f"task {task_id} is not about missing students")
    on_date, begins_at, state, held = row
    if state != "open":
        raise Conflict("task: it is closed already")
    return CheckKey(school_id, on_date, begins_at), held


def _chosen(held: Collection[int], course_ids: Collection[int] | None) -> list[int]:
    if course_ids is None:
        return sorted(held)
    strange = set(course_ids) - set(held)
    if strange:
        raise Conflict(f"course: nothing is held of {sorted(strange)}")
    return sorted(course_ids)


def _close_if_settled(
    session: Session, key: CheckKey, task_id: int, decision: Decision, now: datetime
) -> None:
    """A task ends with the last course decided: ``done`` when any family was told."""
    _, held = _open_check(session, key.school_id, task_id)
    if held:
        return
    told = session.scalar(_ANY_TOLD, {**key._asdict(), "task_id": task_id})
    state = "done" if told else "dismissed"
    end = Decision(state, decision.by, decision.note)
    tasks.close_task(session, key.school_id, task_id, end, now=now)
