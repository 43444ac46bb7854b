"""The stream of the board: whole groups, whatever the order in which taps arrive."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from central.attendance.models import Tap
from central.attendance.passage_queries import (
    Arrivals,
    Sighting,
    arrivals_after,
    cursor_today,
    sightings_today,
)
from contracts.messages import TapRead
from tests.builders import (
    MORNING,
    SCHOOL_DAY,
    a_course,
    a_school,
    a_student,
    a_tap,
    minutes,
)
from tests.central.recording import SessionAs, SmallSchool, a_small_school, record, sent


@pytest.fixture
def small(session: Session) -> SmallSchool:
    return a_small_school(session)


@pytest.fixture
def ingest(session_as: SessionAs, small: SmallSchool) -> Session:
    return session_as("ingest", small.school.id)


@pytest.fixture
def web(session_as: SessionAs, small: SmallSchool) -> Session:
    return session_as("web", small.school.id)


def today(web: Session, small: SmallSchool) -> list[Sighting]:
    return sightings_today(web, small.school.id, SCHOOL_DAY)


def after(web: Session, small: SmallSchool, cursor: int) -> Arrivals:
    return arrivals_after(web, small.school.id, SCHOOL_DAY, cursor)


def test_a_passage_says_who_where_when_and_how_it_is_known(
    small: SmallSchool, ingest: Session, web: Session
) -> None:
    record(ingest, sent(small.gate, a_tap(1, clock="unsynced")))

    (passage,) = today(web, small)

    assert passage.student is not None
    assert passage.student.given_names == "Sofía"
    assert passage.student.course == small.course.name
    assert (passage.kind, passage.reason, passage.clock) == ("entry", "sequence", "unsynced")
    assert passage.at == MORNING
    assert passage.minutes_late is None


def test_the_newest_is_first_and_a_nervous_second_tap_is_no_passage(
    small: SmallSchool, ingest: Session, web: Session
) -> None:
    record(
        ingest,
        sent(
            small.gate,
            a_tap(1),
            a_tap(2, at=MORNING + timedelta(seconds=20)),
            a_tap(3, at=MORNING + minutes(90)),
        ),
        now=MORNING + minutes(100),
    )

    assert [passage.kind for passage in today(web, small)] == ["exit", "entry"]


def test_only_the_entry_that_made_a_student_late_says_so(
    small: SmallSchool, ingest: Session, web: Session
) -> None:
    late, out, back = MORNING + minutes(30), MORNING + minutes(60), MORNING + minutes(90)
    taps = [a_tap(seq, at=at) for seq, at in enumerate((late, out, back), start=1)]
    record(ingest, sent(small.gate, *taps), now=MORNING + minutes(95))

    assert [passage.minutes_late for passage in today(web, small)] == [None, None, 20]


def test_a_card_that_names_nobody_is_shown_and_merged_like_a_passage(
    small: SmallSchool, ingest: Session, web: Session
) -> None:
    def unknown(seq: int, at: datetime) -> TapRead:
        return a_tap(seq, card="stranger", at=at, verdict="unknown")

    record(
        ingest,
        sent(
            small.gate,
            unknown(1, MORNING),
            unknown(2, MORNING + timedelta(seconds=10)),
            unknown(3, MORNING + minutes(10)),
            a_tap(4, card="other", verdict="torn"),
        ),
    )

    shown = today(web, small)

    assert [(one.kind, one.verdict) for one in shown] == [
        ("nobody", "unknown"),
        ("nobody", "torn"),
        ("nobody", "unknown"),
    ]
    assert len({one.group for one in shown}) == 2


def test_what_is_new_after_a_cursor_comes_with_the_rest_of_its_group(
    session: Session, small: SmallSchool, ingest: Session, web: Session
) -> None:
    other = a_student(session, small.course, card="c2")
    session.commit()
    record(ingest, sent(small.gate, a_tap(1), a_tap(2, card="c2")), now=MORNING)
    later = MORNING + minutes(90)
    record(ingest, sent(small.gate, a_tap(3, at=later)), now=later)
    cursor = after(web, small, 0).cursor

    arrivals = after(web, small, cursor)

    assert f"s{other.id}" not in arrivals.groups
    kinds = [passage.kind for passage in arrivals.groups[f"s{small.student.id}"]]
    assert kinds == ["exit", "entry"]


def test_an_older_tap_that_arrives_late_corrects_what_was_shown(
    small: SmallSchool, ingest: Session, web: Session
) -> None:
    noon = MORNING + minutes(240)
    record(ingest, sent(small.gate, a_tap(2, at=noon)), now=noon)
    before = today(web, small)

    record(ingest, sent(small.gate, a_tap(1)), now=noon + minutes(5))
    (group,) = after(web, small, cursor_today(web, small.school.id, SCHOOL_DAY)).groups.values()

    assert [passage.kind for passage in before] == ["entry"]
    assert [passage.kind for passage in group] == ["exit", "entry"]
    assert group[0].key == before[0].key


def test_a_cursor_stays_behind_taps_that_may_still_have_earlier_neighbours(
    session: Session, small: SmallSchool, ingest: Session, web: Session
) -> None:
    """Ids are drawn before the commit: a batch with lower ids may become visible later."""
    record(ingest, sent(small.gate, a_tap(1)), now=MORNING)
    record(ingest, sent(small.gate, a_tap(2, at=MORNING + minutes(2))), now=MORNING + minutes(2))
    record(ingest, sent(small.gate, a_tap(3, at=MORNING + minutes(4))), now=MORNING + minutes(4))
    ids = dict(session.execute(Tap.__table__.select().with_only_columns(Tap.seq, Tap.id)).all())
    cursor = cursor_today(web, small.school.id, SCHOOL_DAY)
    # as if the first batch's transaction had begun early and ended late
    session.execute(
        update(Tap).where(Tap.seq == 2).values(received_at=MORNING + timedelta(minutes=3.5))
    )
    session.commit()

    assert cursor == ids[2]
    assert cursor_today(web, small.school.id, SCHOOL_DAY) == ids[1]


def test_taps_known_already_are_not_sent_again(
    small: SmallSchool, ingest: Session, web: Session
) -> None:
    record(ingest, sent(small.gate, a_tap(1)))
    first = after(web, small, 0)
    school = small.school.id

    again = arrivals_after(web, school, SCHOOL_DAY, first.cursor, known=first.taps)

    assert len(first.groups) == 1
    assert again.groups == {}
    assert again.taps == first.taps


def test_yesterdays_taps_that_arrive_today_are_not_todays_news(
    small: SmallSchool, ingest: Session, web: Session
) -> None:
    record(ingest, sent(small.gate, a_tap(1, at=MORNING - timedelta(days=1))), now=MORNING)

    assert after(web, small, 0).groups == {}
    assert today(web, small) == []


def test_a_teacher_sees_the_passages_of_their_courses_and_no_unknown_cards(
    session: Session, small: SmallSchool, ingest: Session, web: Session
) -> None:
    other = a_course(session, small.school)
    own = a_student(session, other, card="own")
    session.commit()
    record(
        ingest,
        sent(
            small.gate,
            a_tap(1),
            a_tap(2, card="own"),
            a_tap(3, card="stranger", verdict="unknown"),
        ),
    )

    seen = sightings_today(web, small.school.id, SCHOOL_DAY, {other.id})
    arrivals = arrivals_after(web, small.school.id, SCHOOL_DAY, 0, {other.id})

    assert [passage.group for passage in seen] == [f"s{own.id}"]
    assert list(arrivals.groups) == [f"s{own.id}"]


def test_another_schools_passages_are_invisible(
    session: Session, session_as: SessionAs, small: SmallSchool, ingest: Session
) -> None:
    record(ingest, sent(small.gate, a_tap(1)))
    other = a_school(session)
    session.commit()
    stranger = session_as("web", other.id)

    assert sightings_today(stranger, small.school.id, SCHOOL_DAY) == []
    assert arrivals_after(stranger, small.school.id, SCHOOL_DAY, 0).groups == {}
