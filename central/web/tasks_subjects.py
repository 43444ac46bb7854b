"""Whom a task is about, for lists in which several tasks would look the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from sqlalchemy.orm import Session

from central.absences.queries import absences_of_ids
from central.attendance.corrections_queries import corrections_of_ids, manual_of_ids
from central.tasks.queries import TaskListed


class Subject(Protocol):
    """A student, as every row about one names them."""

    @property
    def id(self) -> int: ...
    @property
    def given_names(self) -> str: ...
    @property
    def family_names(self) -> str: ...
    @property
    def course(self) -> str: ...


def subjects_of(
    session: Session, school_id: int, tasks: Iterable[TaskListed]
) -> Mapping[int, Subject]:
    """By task the student whom it is about; a task about many is not in it."""
    wanted: dict[str, dict[int, int]] = {}  # what, its number, the task
    for task in tasks:
        for what, number in task.subject.items():
            wanted.setdefault(what, {})[number] = task.id
    found: dict[int, Subject] = {}
    for what, task_of in wanted.items():
        for one in _rows(session, school_id, what, list(task_of)):
            found[task_of[one.id]] = one
    return found


def _rows(session: Session, school_id: int, what: str, ids: Sequence[int]) -> Sequence[Subject]:
    match what:
        case "absence_request":
            return absences_of_ids(session, school_id, ids)
        case "correction":
            return corrections_of_ids(session, school_id, ids)
        case "manual_entry":
            return manual_of_ids(session, school_id, ids)
    return ()
