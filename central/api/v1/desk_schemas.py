"""What absences, corrections and withdrawals take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from central.absences.models import KINDS, STATUSES
from central.absences.rules import REASONS, STEPS
from central.api.fields import Answer, Base64, BodyId, Day, Id, Moment, OneOf, Request, WallClock
from central.api.paging import IdCursor, Page, PageQuery
from central.api.v1.schemas import PlainText
from central.attendance.corrections_rules import MOST_MINUTES_LATE
from central.attendance.corrections_rules import STATUSES as CORRECTABLE
from central.attendance.manual_models import STATES
from central.attendance.models import STATUSES as DAY_STATUSES
from central.withdrawals.models import (
    IDENTITY_KINDS,
    REFUSALS,
    RELATIONSHIPS,
)
from central.withdrawals.models import REASONS as WITHDRAWAL_REASONS


def _moment_text(value: Any) -> Any:
    if not isinstance(value, str | datetime) or (isinstance(value, str) and "T" not in value):
        raise ValueError("must be a time such as 2026-03-04T08:07:00-03:00")
    return value


def _whole_number(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError("must be a whole number")
    return value


Note = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
Why = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
RequestKey = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        description="A UUID of the caller's: sending the same again changes nothing",
    ),
]
When = Annotated[AwareDatetime, BeforeValidator(_moment_text, json_schema_input_type=AwareDatetime)]
Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES_LATE), BeforeValidator(_whole_number)]
Seq = Annotated[int, Field(ge=1, le=2**53 - 1), BeforeValidator(_whole_number)]


class DocumentIn(Request):
    """A PDF, JPEG, PNG or WebP of at most 10 MB; what it is, its content says."""

    name: PlainText
    content: Base64


class AbsenceIn(Request):
    student: BodyId
    first: Annotated[Day, Field(alias="from", description="The first date")]
    last: Annotated[Day, Field(alias="to", description="The last date, included")]
    kind: Annotated[str, OneOf(KINDS)]
    comes_at: Annotated[
        WallClock | None, Field(description="Of `late`, which needs it: until when, and no other")
    ] = None
    reason: Annotated[str, OneOf(REASONS)]
    comment: Note = ""
    document: DocumentIn | None = None


class AbsenceStep(Request):
    action: Annotated[str, OneOf(tuple(STEPS))]
    note: Note | None = None


class AbsencePath(Request):
    absence_id: Id


class AbsencesFilter(Request):
    status: Annotated[str, OneOf(STATUSES)] | None = None
    reason: Annotated[str, OneOf(REASONS)] | None = None
    course: Id | None = None
    student: Id | None = None
    first: Annotated[Day | None, Field(alias="from", description="Touched from this date")] = None
    last: Annotated[Day | None, Field(alias="to", description="Touched until this date")] = None


class AbsencesQuery(AbsencesFilter, PageQuery):
    cursor: IdCursor | None = None


class AbsenceOut(Answer):
    id: int
    student_id: int
    course_id: int
    from_on: Day
    until_on: Day
    kind: Annotated[str, OneOf(KINDS)]
    comes_at: WallClock | None
    reason: str
    comment: str
    status: Annotated[str, OneOf(STATUSES)]
    created_at: Moment
    decided_at: Moment | None
    decision_note: str | None
    document_name: str | None
    document_bytes: int | None


class AbsenceEventOut(Answer):
    action: str
    person: str
    note: str | None
    at: Moment


class AbsenceStoryOut(AbsenceOut):
    history: Annotated[list[AbsenceEventOut], Field(description="Oldest first")]


class AbsencePage(Page):
    items: list[AbsenceOut]


class Signed(Answer):
    id: int
    student_id: int
    on_date: Day
    reason: str
    author_id: int
    created_at: Moment
    state: Annotated[str, OneOf(STATES), Field(description="proposed: waits for a second person")]
    decided_at: Moment | None
    decision_note: str | None
    stream_id: int | None
    seq: int | None


class CorrectionOut(Signed):
    kind: Literal["set_status", "ignore_tap", "restore_tap"]
    status: Annotated[str, OneOf(DAY_STATUSES)] | None
    minutes_late: int | None


class CorrectionPage(Page):
    items: list[CorrectionOut]


class SignedQuery(PageQuery):
    cursor: IdCursor | None = None
    state: Annotated[str, OneOf(STATES)] | None = None
    student: Id | None = None
    date: Day | None = None


class StatusIn(Request):
    student: BodyId
    date: Day
    status: Annotated[str, OneOf(CORRECTABLE)]
    minutes_late: Annotated[
        Minutes | None, Field(description="Of `late`, which needs it, and no other")
    ] = None
    reason: Why


class NamedTapIn(Request):
    student: BodyId
    date: Day
    stream_id: BodyId
    seq: Seq
    reason: Why


class VerdictIn(Request):
    state: Literal["approved", "rejected"]
    note: Note | None = None


class CorrectionPath(Request):
    correction_id: Id


class ManualIn(Request):
    request_key: RequestKey
    student: BodyId
    direction: Literal["in", "out"]
    at: Annotated[When, Field(description="When it truly was")]
    reason: Why


class ManualOut(Signed):
    direction: Literal["in", "out"]
    at: Moment


class ManualPage(Page):
    items: list[ManualOut]


class ManualPath(Request):
    entry_id: Id


class IdentityIn(Request):
    kind: Annotated[str, OneOf(IDENTITY_KINDS)]
    number: Annotated[PlainText, Field(description="Of a `run` with its check digit")]


class WithdrawalIn(Request):
    """Either ``guardian`` or ``authorised_person``; without a signature they sign on paper."""

    request_key: RequestKey
    student: BodyId
    guardian: BodyId | None = None
    authorised_person: BodyId | None = None
    identity: IdentityIn
    reason: Annotated[str, OneOf(WITHDRAWAL_REASONS)]
    comment: Note = ""
    signature: Annotated[Base64 | None, Field(description="As drawn: a PNG of at most 256 kB")] = (
        None
    )


class WithdrawalsQuery(PageQuery):
    cursor: IdCursor | None = None
    date: Day | None = None
    student: Id | None = None


class WithdrawalPath(Request):
    withdrawal_id: Id


class WithdrawalOut(Answer):
    id: int
    student_id: int
    on_date: Day
    at: Moment
    person_name: str
    relationship: str
    reason: Annotated[str, OneOf(WITHDRAWAL_REASONS)]
    comment: str
    refusal: Annotated[
        Annotated[str, OneOf(REFUSALS)] | None, Field(description="null: the student was let go")
    ]
    signed: Annotated[bool, Field(description="The drawn signature is kept")]
    stream_id: int | None
    seq: int | None


class WithdrawalPage(Page):
    items: list[WithdrawalOut]


class AuthorisedIn(Request):
    full_name: PlainText
    identity: IdentityIn
    relationship: Annotated[str, OneOf(RELATIONSHIPS)]
    first: Annotated[Day, Field(alias="from", description="The first date")]
    last: Annotated[Day | None, Field(alias="to", description="The last date, included")] = None


class AuthorisedOut(Answer):
    id: int
    student_id: int
    full_name: str
    identity_kind: Annotated[str, OneOf(IDENTITY_KINDS)]
    identity_number: str
    relationship: Annotated[str, OneOf(RELATIONSHIPS)]
    from_on: Day
    until_on: Day | None
    revoked_at: Moment | None


class AuthorisedList(Answer):
    items: list[AuthorisedOut]


class AuthorisedPath(Request):
    person_id: Id
