"""What the resources about the building and about attendance over a time take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from central.api.fields import Answer, Day, Id, Limit, Moment, OneOf, Request
from central.api.paging import IdCursor, Page, PageQuery
from central.evacuation.rules import KINDS, STATES
from central.reports.rules import BAND_NAMES

Percent = Annotated[float | None, Field(description="null: no day counts")]


class InsideOut(Answer):
    student_id: int
    given_names: str
    family_names: str
    course_id: int
    course: str
    since: Annotated[Moment | None, Field(description="The first entry of the day")]
    sure: Annotated[bool, Field(description="false: a clock could not be trusted")]


class InsideQuery(PageQuery):
    cursor: IdCursor | None = None
    course: Id | None = None


class InsidePage(Page):
    items: list[InsideOut]


class EvacuationOut(Answer):
    id: int
    kind: Annotated[str, OneOf(KINDS)]
    started_at: Moment
    started_by: str
    ended_at: Annotated[Moment | None, Field(description="null: it is running")]
    ended_by: str | None
    note: str


class EvacuationsQuery(PageQuery):
    cursor: IdCursor | None = None


class EvacuationPage(Page):
    items: list[EvacuationOut]


class EvacuationPath(Request):
    evacuation_id: Id


class EvacueeOut(Answer):
    student_id: int
    course_id: int
    sure: bool
    added: Annotated[bool, Field(description="Put on the list by the staff, not by the gates")]
    state: Annotated[str, OneOf(STATES)]
    marked_by: str | None
    marked_at: Moment | None


class EvacueePage(Page):
    items: list[EvacueeOut]


class PeriodQuery(Request):
    first: Annotated[Day | None, Field(alias="from", description="60 days back if not given")] = (
        None
    )
    last: Annotated[Day | None, Field(alias="to", description="Included; today if not given")] = (
        None
    )


class TallyOut(Answer):
    expected: int
    attended: int
    late: Annotated[int, Field(description="Among the attended")]
    absent: int
    justified: int
    percent: Percent
    band: Annotated[Annotated[str, OneOf(BAND_NAMES)] | None, Field(description="By exact share")]


class CourseReportOut(TallyOut):
    course_id: int
    course: str


class ReportOut(Answer):
    first: Day
    last: Day
    closed_days: int
    open_days: Annotated[int, Field(description="Not closed, so not counted")]
    total: TallyOut
    bands: dict[Literal["normal", "at_risk", "chronic", "severe"], int]
    courses: list[CourseReportOut]


class StudentReportOut(TallyOut):
    student_id: int
    course_id: int


class StudentReportQuery(PeriodQuery):
    limit: Limit = 50
    cursor: IdCursor | None = None
    course: Id | None = None
    band: Annotated[str, OneOf(BAND_NAMES)] | None = None


class StudentReportPage(Page):
    items: list[StudentReportOut]
