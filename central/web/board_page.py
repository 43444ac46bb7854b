"""What a board shows, gathered once for everybody who sees the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from central.accounts.rules import Viewer
from central.attendance import attention_queries, board_queries
from central.attendance.attention_queries import GateTrouble, MessageTrouble, UnknownCards
from central.attendance.board_queries import CourseToday
from central.attendance.board_rules import (
    Counts,
    DayCourse,
    Usual,
    arrival_curve,
    curve_window,
    second_of_day,
    usual_counts,
)
from central.no_shows.service import KIND as NO_SHOWS
from central.people.scope_queries import courses_seen
from central.tasks.queries import TaskListed, open_tasks
from central.web.board_curve import SIZES, Drawing, draw
from central.web.board_usual import UsualDays

# the large numbers, and on which side of the usual each is news: 1 above, -1 below
FIGURES: Final = {"inside": -1, "late": 1, "missing": 1, "left": 1}


@dataclass(frozen=True, slots=True)
class Audience:
    """Pages that see the same board: one school, one language, the same courses and rights."""

    school_id: int
    timezone: str
    locale: str
    courses: frozenset[int] | None  # a teacher's; None is the whole school
    sees_gates: bool
    sees_messages: bool
    decides: bool

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as a school's wall clock shows it."""

    at: datetime
    zone: ZoneInfo

    @property
    def on_date(self) -> date:
        return self.at.astimezone(self.zone).date()

    @property
    def second(self) -> int:
        return second_of_day(self.at, self.zone)

    @property
    def midnight(self) -> datetime:
        """When the local day began, in UTC."""
        return datetime.combine(self.on_date, time(), self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the large numbers. ``unlike`` when it is far from the usual, on its bad side."""

    name: str
    number: int
    usual: Usual | None
    unlike: bool


@dataclass(frozen=True, slots=True)
class Attention:
    """What needs a person, as far as the viewer may see it."""

    gates: Sequence[GateTrouble]
    unreadable: int
    cards: UnknownCards | None
    messages: MessageTrouble
    tasks: Sequence[TaskListed] = ()

    def __bool__(self) -> bool:
        messages = self.messages
        counts = (self.unreadable, messages.failed, messages.unknown, messages.stuck)
        return bool(self.tasks or self.gates or self.cards or any(counts))


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything on the board but the stream of passages."""

    moment: Moment
    counts: Counts
    figures: Sequence[Figure]
    compared_with: int  # how many earlier days the usual comes from
    drawings: Sequence[Drawing]
    table: Sequence[tuple[int, int, int | None]]  # second, arrived, usually arrived
    courses: Sequence[CourseToday]
    attention: Attention

    @property
    def course_names(self) -> dict[int, str]:
        return {course.id: course.name for course in self.courses}


def audience_of(session: Session, viewer: Viewer) -> Audience:
    """The audience that a viewer belongs to; the session has entered the viewer's school."""
    assert viewer.school is not None
    courses = courses_seen(session, viewer)
    return Audience(
        school_id=viewer.school.id,
        timezone=viewer.school.timezone,
        locale=viewer.locale,
        courses=None if courses is None else frozenset(courses),
        sees_gates=viewer.may("see_gates"),
        sees_messages=viewer.may("see_messages"),
        decides=viewer.may("decide_tasks"),
    )


def gather(session: Session, audience: Audience, usual_days: UsualDays, now: datetime) -> Summary:
    """The board at ``now``."""
    moment = Moment(now, audience.zone)
    day, school = moment.on_date, audience.school_id
    courses = board_queries.courses_today(session, school, day, audience.courses)
    counts = board_queries.total(courses)
    earlier = usual_days.of(session, school, day, audience.zone, audience.courses)
    arrivals = board_queries.arrivals_on(session, school, day, audience.zone, audience.courses)
    today = DayCourse(expected=counts.expected, entered=arrivals)
    drawings, table = _curve(today, earlier, courses, moment.second)
    return Summary(
        moment=moment,
        counts=counts,
        figures=_figures(counts, earlier, moment.second),
        compared_with=len(earlier),
        drawings=drawings,
        table=table,
        courses=courses,
        attention=_attention(session, audience, moment),
    )


def _figures(counts: Counts, earlier: Sequence[DayCourse], second: int) -> list[Figure]:
    usual = usual_counts(earlier, second)
    slack = max(3, counts.expected // 100)  # a few children more or fewer are every day's news
    figures = []
    for name, bad_side in FIGURES.items():
        number, compared = getattr(counts, name), usual.get(name)
        unlike = compared is not None and compared.unlike(number, slack) == bad_side
        figures.append(Figure(name, number, compared, unlike))
    return figures


def _curve(
    today: DayCourse, earlier: Sequence[DayCourse], courses: Sequence[CourseToday], second: int
) -> tuple[list[Drawing], list[tuple[int, int, int | None]]]:
    bells = [
        bell.hour * 3600 + bell.minute * 60 for course in courses if (bell := course.starts_at)
    ]
    window = curve_window(bells, today.entered)
    if window is None:
        return [], []
    curve = arrival_curve(today, earlier, window, second)
    drawings = [draw(curve, today.expected, bells, size) for size in SIZES]
    arrived = dict(curve.today)
    usual = dict(zip(curve.seconds, curve.usual, strict=False))
    table = [
        (second, arrived[second], usual[second].middle if second in usual else None)
        for second in curve.seconds
        if second in arrived
    ]
    return drawings, table


def _attention(session: Session, audience: Audience, moment: Moment) -> Attention:
    school, day, now = audience.school_id, moment.on_date, moment.at
    gates: Sequence[GateTrouble] = ()
    unreadable, cards, messages = 0, None, MessageTrouble(0, 0, 0)
    if audience.sees_gates:
        gates = attention_queries.gates_in_trouble(session, school, day, now=now)
        unreadable = attention_queries.unreadable_messages(session, school, moment.midnight)
        cards = attention_queries.unknown_cards(session, school, day)
    if audience.sees_messages:
        messages = attention_queries.messages_in_trouble(session, school, moment.midnight, now=now)
    tasks = open_tasks(session, school, NO_SHOWS) if audience.decides else []
    return Attention(gates, unreadable, cards, messages, tasks)
