"""What the resources of tasks and missing students take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from central.api.fields import Answer, BodyId, Day, Id, Moment, OneOf, Request
from central.api.paging import IdCursor, Page, PageQuery
from central.no_shows.models import RESOLUTIONS
from central.no_shows.models import STATES as NO_SHOW_STATES
from central.tasks.models import KINDS, STATES

# no control characters: PostgreSQL stores no NUL
Note = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
NOTED: tuple[str, ...] = tuple(code for code in RESOLUTIONS if code not in ("arrived", "excused"))


class TaskOut(Answer):
    """Something that a person must decide. ``reasons`` are codes with what belongs to them."""

    id: int
    kind: Annotated[str, OneOf(KINDS)]
    on_date: Day
    subject: dict[str, Any]
    reasons: list[dict[str, Any]]
    state: Annotated[str, OneOf(STATES)]
    owner_id: int | None
    created_at: Moment
    decided_at: Moment | None
    note: str | None


class TasksQuery(PageQuery):
    cursor: IdCursor | None = None
    state: Annotated[str, OneOf(STATES)] | None = None


class TaskPage(Page):
    items: list[TaskOut]


class TaskPath(Request):
    task_id: Id


class DecisionIn(Request):
    decision: Annotated[
        Literal["confirm", "dismiss"],
        Field(description="confirm tells the families, dismiss tells nobody"),
    ]
    courses: Annotated[
        list[BodyId] | None,
        Field(max_length=200, description="Only these; without it all that the task holds"),
    ] = None
    note: Note = ""


class DecidedOut(Answer):
    """What the decision came to; ``task`` is still open while it holds other courses."""

    task: TaskOut
    students: Annotated[int, Field(description="Whose families are told, or are not")]
    messages: Annotated[int, Field(description="Queued by it")]


class NoShowOut(Answer):
    """A student who had class and had not come when the school looked."""

    student_id: int
    course_id: int
    on_date: Day
    begins_at: Annotated[Moment, Field(description="When class began")]
    found_at: Moment
    state: Annotated[str, OneOf(NO_SHOW_STATES)]
    told_at: Moment | None
    arrived_at: Moment | None
    resolution: Annotated[str, OneOf(RESOLUTIONS)] | None
    resolved_at: Moment | None
    note: str | None
    messages: int


class NoShowsQuery(Request):
    date: Annotated[Day, Field(description="The local date at the school")]
    course: Id | None = None


class NoShowList(Answer):
    items: list[NoShowOut]


class ResolutionIn(Request):
    student: BodyId
    date: Day
    resolution: Annotated[str, OneOf(NOTED)]
    note: Note = ""
