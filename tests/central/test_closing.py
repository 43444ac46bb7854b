"""The night after a school day: days concluded, open ones flagged, nothing invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from central.attendance.closing_queries import closings, inside_on
from central.attendance.closing_service import close_day, dates_to_close
from central.models import AttendanceDay
from central.no_shows.watch_service import end_day
from central.tasks import queries as task_queries
from tests.builders import SCHOOL_DAY, minutes
from tests.central.missing import (
    BELL,
    DUE,
    MorningSchool,
    a_morning,
    lose,
    no_show_states,
    tap_in,
    tasks,
    watch,
)

SessionAs = Callable[..., Session]
SANTIAGO = ZoneInfo("America/Santiago")
NIGHT = datetime.combine(SCHOOL_DAY + timedelta(days=1), time(0, 31), SANTIAGO)


@pytest.fixture
def morning(session: Session) -> MorningSchool:
    return a_morning(session)


def statuses(session: Session) -> dict[str, int]:
    session.rollback()
    rows = session.execute(text("SELECT status, count(*) FROM attendance_days GROUP BY status"))
    return dict(list(rows))


def test_closing_concludes_everybody_and_flags_who_has_no_exit(
    session: Session, session_as: SessionAs, morning: MorningSchool
) -> None:
    ingest = session_as("ingest", morning.school.id)
    tap_in(ingest, morning, morning.everybody[:7], at=BELL - minutes(5))
    scheduler = session_as("scheduler", morning.school.id)

    summary = close_day(scheduler, morning.school.id, SCHOOL_DAY, now=NIGHT)
    scheduler.commit()

    assert summary == {"students": {"present": 7, "absent": 3}, "inside": 7}
    assert statuses(session) == {"present": 7, "absent": 3}
    assert tasks(session) == [("open", ["inside_at_closing"])]
    assert session.scalar(text("SELECT count(*) FROM taps")) == 7  # no exit was invented
    assert len(inside_on(session, morning.school.id, SCHOOL_DAY)) == 7
    (closing,) = closings(session, morning.school.id)
    assert (closing.attended, closing.absent, closing.inside) == (7, 3, 7)
    assert closing.percent == 70


def test_a_day_is_closed_once(session_as: SessionAs, morning: MorningSchool) -> None:
    scheduler = session_as("scheduler", morning.school.id)
    close_day(scheduler, morning.school.id, SCHOOL_DAY, now=NIGHT)

    assert close_day(scheduler, morning.school.id, SCHOOL_DAY, now=NIGHT) is None


def test_while_a_gate_was_out_nobody_is_called_absent(
    session: Session, session_as: SessionAs, morning: MorningSchool
) -> None:
    lose(session, morning.devices[0], at=BELL - minutes(5))
    watch(session_as, morning.school.id, DUE)
    scheduler = session_as("scheduler", morning.school.id)

    end_day(scheduler, morning.school.id, SCHOOL_DAY, now=NIGHT)
    close_day(scheduler, morning.school.id, SCHOOL_DAY, now=NIGHT)
    scheduler.commit()

    assert statuses(session) == {"no_data": 10}
    assert no_show_states(session) == {"dismissed": 10}
    assert [state for state, _ in tasks(session)] == ["dismissed"]


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        (NIGHT, True),
        (NIGHT - timedelta(minutes=2), False),  # the night has not gone far enough
        (NIGHT + timedelta(days=3), True),  # the scheduler was away
        (NIGHT + timedelta(days=8), False),  # too long ago: nobody looks at it any more
    ],
)
def test_a_date_is_closed_in_the_schools_own_night(
    session_as: SessionAs, morning: MorningSchool, now: datetime, closed: bool
) -> None:
    scheduler = session_as("scheduler", morning.school.id)

    dates = dates_to_close(scheduler, [morning.school.id], now=now)

    assert ((morning.school.id, SCHOOL_DAY) in dates) is closed
    assert all(one.on_date.isoweekday() <= 5 for one in dates)  # no class, no passages


def test_days_left_open_are_asked_about_for_some_days_only(
    session: Session, session_as: SessionAs, morning: MorningSchool
) -> None:
    scheduler = session_as("scheduler", morning.school.id)
    for back in range(6):
        on_date = SCHOOL_DAY + timedelta(days=back)
        session.add(_inside(morning, on_date))
        session.commit()
        close_day(scheduler, morning.school.id, on_date, now=NIGHT + timedelta(days=back))
        scheduler.commit()
        session.commit()

    waiting = task_queries.open_tasks(session, morning.school.id, "day_open")

    assert len(waiting) <= 4


def _inside(morning: MorningSchool, on_date: date) -> AttendanceDay:
    return AttendanceDay(
        school_id=morning.school.id,
        on_date=on_date,
        student_id=morning.everybody[0].id,
        status="present",
        inside=True,
        passages=1,
        confidence="sure",
    )
