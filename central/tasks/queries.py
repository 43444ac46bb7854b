"""What waits for a person, and what was decided."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from central.accounts.models import User
from central.errors import NotFound
from central.tasks.models import Task

RECENTLY: Final = 30  # closed tasks shown below the open ones


@dataclass(frozen=True, slots=True)
class TaskListed:
    """A task with the names of its people; None: nobody, or the system."""

    id: int
    kind: str
    on_date: date
    subject: dict[str, Any]
    reasons: list[dict[str, Any]]
    state: str
    owner_id: int | None
    owner: str | None
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str | None


def open_count(session: Session, school_id: int) -> int:
    """How many tasks wait, for the top bar."""
    query = select(func.count()).where(Task.school_id == school_id, Task.state == "open")
    return session.scalar(query) or 0


def open_tasks(session: Session, school_id: int, kind: str | None = None) -> list[TaskListed]:
    """All that waits, or of one kind: alarms first, then what has waited longest."""
    query = _listed(school_id).where(Task.state == "open")
    query = query.order_by(Task.kind != "no_show_check", Task.created_at, Task.id)
    if kind is not None:
        query = query.where(Task.kind == kind)
    return [_task(row) for row in session.execute(query)]


def closed_tasks(session: Session, school_id: int, *, limit: int = RECENTLY) -> list[TaskListed]:
    """What people decided last, or resolved itself; not what the system let lapse."""
    query = _listed(school_id).where(
        or_(Task.state == "resolved", and_(Task.state != "open", Task.decided_by.is_not(None)))
    )
    query = query.order_by(Task.decided_at.desc(), Task.id.desc()).limit(limit)
    return [_task(row) for row in session.execute(query)]


def one_task(session: Session, school_id: int, task_id: int) -> TaskListed:
    """One task of the school. Raises NotFound."""
    row = session.execute(_listed(school_id).where(Task.id == task_id)).one_or_none()
    if row is None:
        raise NotFound(f"task {task_id}")
    return _task(row)


def tasks_after(
    session: Session, school_id: int, after: int, limit: int, *, states: Collection[str]
) -> list[TaskListed]:
    """At most ``limit`` tasks in one of these states with an id above ``after``."""
    query = _listed(school_id).where(Task.id > after, Task.state.in_(states))
    return [_task(row) for row in session.execute(query.order_by(Task.id).limit(limit))]


def _listed(school_id: int) -> Select[Any]:
    owner, decider = aliased(User), aliased(User)
    return (
        select(
            *(Task.id, Task.kind, Task.on_date, Task.subject, Task.reasons, Task.state),
            *(Task.owner_id, owner.full_name.label("owner"), Task.created_at),
            *(decider.full_name.label("decided_by"), Task.decided_at, Task.note),
        )
        .outerjoin(owner, owner.id == Task.owner_id)
        .outerjoin(decider, decider.id == Task.decided_by)
        .where(Task.school_id == school_id)
    )


def _task(row: Row[Any]) -> TaskListed:
    return TaskListed(**row._mapping)
