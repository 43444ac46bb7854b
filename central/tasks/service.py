"""Opening and closing tasks. Others do it in the transaction of what the task is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from central.errors import Conflict, NotFound
from central.events import TASKS, announce
from central.tasks.models import Task

_IS_OPEN: Final = Task.state == "open"


@dataclass(frozen=True, slots=True)
class NewTask:
    """What to decide: see ``Task`` for the meaning of the parts."""

    kind: str
    on_date: date
    subject: Mapping[str, Any] = field(default_factory=dict)
    reasons: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """How a task ends: ``done``, ``dismissed`` or ``resolved``; ``by`` None is the system."""

    state: str
    by: int | None = None
    note: str | None = None


def open_task(session: Session, school_id: int, task: NewTask, *, now: datetime) -> int:
    """Ask a person; returns the task's id. One that is open already gets the newer reasons."""
    reasons = [dict(reason) for reason in task.reasons]
    statement = insert(Task).values(
        school_id=school_id,
        kind=task.kind,
        on_date=task.on_date,
        subject=dict(task.subject),
        reasons=reasons,
        created_at=now,
    )
    statement = statement.on_conflict_do_update(
        index_elements=[Task.school_id, Task.kind, Task.on_date, Task.subject],
        # spelled out: a parameter would hide from a prepared statement which index is meant
        index_where=text("state = 'open'"),
        set_={"reasons": statement.excluded.reasons},
    )
    task_id = session.scalars(statement.returning(Task.id)).one()
    announce(session, [(school_id, TASKS)])
    return task_id


def close_task(
    session: Session,
    school_id: int,
    task_id: int,
    decision: Decision,
    *,
    now: datetime,
) -> bool:
    """End an open task.

    Returns whether it was open; one that is closed stays as it was decided.
    """
    closed = session.scalars(
        update(Task)
        .where(Task.school_id == school_id, Task.id == task_id, _IS_OPEN)
        .values(state=decision.state, decided_at=now, decided_by=decision.by, note=decision.note)
        .returning(Task.id)
    ).all()
    if closed:
        announce(session, [(school_id, TASKS)])
    return bool(closed)


def close_task_about(
    session: Session,
    school_id: int,
    task: NewTask,
    decision: Decision,
    *,
    now: datetime,
) -> bool:
    """``close_task`` for whoever knows what the open task is about and not its id."""
    task_id = session.scalar(
        select(Task.id).where(
            Task.school_id == school_id,
            Task.kind == task.kind,
            Task.on_date == task.on_date,
            Task.subject == dict(task.subject),
            _IS_OPEN,
        )
    )
    if task_id is None:
        return False
    return close_task(session, school_id, task_id, decision, now=now)


def dismiss_older(
    session: Session, school_id: int, kind: str, before: date, *, now: datetime
) -> None:
    """Dismiss the open tasks of a kind about dates before this one: nobody will do them now."""
    closed = session.scalars(
        update(Task)
        .where(Task.school_id == school_id, Task.kind == kind, Task.on_date < before, _IS_OPEN)
        .values(state="dismissed", decided_at=now)
        .returning(Task.id)
    ).all()
    if closed:
        announce(session, [(school_id, TASKS)])


def set_reasons(
    session: Session, school_id: int, task_id: int, reasons: Sequence[Mapping[str, Any]]
) -> None:
    """Say what an open task now rests on; nothing happens where that is what it says already."""
    told = [dict(reason) for reason in reasons]
    changed = session.scalars(
        update(Task)
        .where(Task.school_id == school_id, Task.id == task_id, _IS_OPEN, Task.reasons != told)
        .values(reasons=told)
        .returning(Task.id)
    ).all()
    if changed:
        announce(session, [(school_id, TASKS)])


def take_task(session: Session, school_id: int, task_id: int, user_id: int) -> None:
    """Make a person the owner of an open task. Raises NotFound, Conflict for a closed one."""
    task = session.scalars(
        select(Task).where(Task.school_id == school_id, Task.id == task_id).with_for_update()
    ).one_or_none()
    if task is None:
        raise NotFound(f"task {task_id}")
    if task.state != "open":
        raise Conflict("task: it is closed already")
    task.owner_id = user_id
    announce(session, [(school_id, TASKS)])
