"""What each resource takes and gives. The OpenAPI document is generated from these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from central.accounts.models import ROLES
from central.api.fields import Answer, BodyId, Day, Id, Moment, OneOf, Request
from central.api.paging import DayCursor, IdCursor, Page, PageQuery
from central.attendance.models import STATUSES as DAY_STATUSES
from central.notifications.models import KINDS, STATUSES

# no control characters: PostgreSQL stores no NUL, and a name holds none
PlainText = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^\x00-\x20\x7f@]+@[^\x00-\x20\x7f@]+$")]
RefreshToken = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Direction = Literal["entry", "exit"]


class SignIn(Request):
    email: Email
    password: Annotated[str, Field(min_length=1, max_length=1024)]
    school: Annotated[
        BodyId | None, Field(description="Needed by a person who works in several schools")
    ] = None


class Renewal(Request):
    refresh_token: RefreshToken


class Tokens(Answer):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds that the access token opens")]
    refresh_token: Annotated[str, Field(description="Works once; the answer brings the next one")]
    refresh_expires_in: int


class SchoolOut(Answer):
    id: int
    name: str
    timezone: str


class Me(Answer):
    id: int
    full_name: str
    email: str
    locale: Literal["es", "en"]
    school: SchoolOut
    roles: list[Annotated[str, OneOf(ROLES)]]
    permissions: list[str]


class CourseOut(Answer):
    id: int
    name: str
    year: int


class StudentOut(Answer):
    id: int
    given_names: str
    family_names: str
    course: CourseOut
    enrolled_on: Day
    left_on: Day | None


class StudentPath(Request):
    student_id: Id


class StudentsQuery(PageQuery):
    cursor: IdCursor | None = None
    course: Id | None = None
    q: Annotated[PlainText | None, Field(description="Words of the name, accents optional")] = None


class StudentPage(Page):
    items: list[StudentOut]


class MeaningOut(Answer):
    """``reason``: ``gate`` the device serves one direction, ``sequence`` the opposite of the
    passage before, ``staff`` a person said so. ``repeat``: the card was read again at once."""

    direction: Direction
    reason: Literal["gate", "sequence", "staff"]
    ordinal: Annotated[int, Field(description="Which entry, or exit, of the day; from 1")]
    repeat: bool


class TapOut(Answer):
    id: int
    stream_id: int
    seq: int
    device_id: str
    student_id: Annotated[int | None, Field(description="null: the card named no student")]
    gate_id: int
    gate: str
    tapped_at: Moment
    on_date: Annotated[Day, Field(description="The local date at the school")]
    clock: Literal["synced", "repaired", "unsynced"]
    card_kind: str
    verdict: Annotated[str, Field(description="What the student was answered")]
    received_at: Moment
    meaning: MeaningOut | None


class TapsQuery(PageQuery):
    cursor: IdCursor | None = None
    date: Annotated[Day | None, Field(description="The local date at the school")] = None
    student: Id | None = None
    gate: Id | None = None


class TapPage(Page):
    items: list[TapOut]


class AttendanceDayOut(Answer):
    on_date: Day
    student_id: int
    course_id: int
    status: Annotated[str, OneOf(DAY_STATUSES)]
    first_entry_at: Moment | None
    last_exit_at: Moment | None
    inside: bool
    minutes_late: int
    passages: int
    confidence: Annotated[
        Literal["sure", "unsure"], Field(description="unsure: a clock could not be trusted")
    ]


class AttendanceDaysQuery(PageQuery):
    cursor: DayCursor | None = None
    first: Annotated[Day | None, Field(alias="from", description="The first date")] = None
    last: Annotated[Day | None, Field(alias="to", description="The last date, included")] = None
    course: Id | None = None
    student: Id | None = None
    status: Annotated[str, OneOf(DAY_STATUSES)] | None = None


class AttendanceDayPage(Page):
    items: list[AttendanceDayOut]


class NotificationOut(Answer):
    id: int
    student_id: int
    guardian_id: int
    kind: Annotated[str, OneOf(KINDS)]
    on_date: Day
    ordinal: int
    fact_at: Annotated[Moment, Field(description="When it happened or was found")]
    gate_id: Annotated[int | None, Field(description="Of a passage; null for other messages")]
    status: Annotated[str, OneOf(STATUSES)]
    attempts: int
    error_code: Annotated[int | None, Field(description="The provider's")]
    created_at: Moment
    sent_at: Moment | None
    delivered_at: Moment | None
    read_at: Moment | None
    failed_at: Moment | None


class NotificationsQuery(PageQuery):
    cursor: IdCursor | None = None
    date: Day | None = None
    student: Id | None = None
    status: Annotated[str, OneOf(STATUSES)] | None = None


class NotificationPage(Page):
    items: list[NotificationOut]


class DeviceOut(Answer):
    id: str
    kind: Literal["gate", "kiosk", "staff", "import"]
    direction: Literal["in", "out", "auto"]
    online: bool
    version: str | None
    status_at: Annotated[Moment | None, Field(description="When it said so")]
    revoked_at: Moment | None
    last_tap_received_at: Moment | None


class GateOut(Answer):
    id: int
    name: str
    devices: list[DeviceOut]


class GatesQuery(PageQuery):
    cursor: IdCursor | None = None


class GatePage(Page):
    items: list[GateOut]
