"""One guardian's messages: in order, one at a time, and without holding up the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from central.notifications.channel import (
    Refused,
)
from central.settings import Settings
from tests.builders import a_school
from tests.central.messages import a_family, again, queued, statuses
from tests.central.sending import (
    MakeDelivery,
    RefusingPhone,
    ScriptedChannel,
    Together,
    deliveries,
    due_again,
    seconds,
)


@pytest.fixture
def delivery(database: Engine, settings: Settings) -> Iterator[MakeDelivery]:
    with deliveries(settings) as make:
        yield make


def test_an_exit_does_not_overtake_the_entry_before_it(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel(Refused(131000, 500, "trouble"))
    family = a_family(session)
    now = datetime.now(UTC)
    entry = queued(session, family, kind="entry", fact_at=now - seconds(90))
    exit_ = queued(session, family, kind="exit", fact_at=now - seconds(30))
    drain = delivery(channel, width=4).drain

    drain()
    while_the_entry_waits = statuses(session)
    exit_due_at, entry_due_at = again(session, exit_).due_at, again(session, entry).due_at
    due_again(session)
    drain()

    assert while_the_entry_waits == ["queued", "queued"]
    assert exit_due_at == entry_due_at  # so it does not seem due in vain
    assert [message.kind for message in channel.sent] == ["entry", "entry", "exit"]


def test_the_oldest_fact_goes_first_even_if_it_was_queued_last(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel()
    family = a_family(session)
    now = datetime.now(UTC)
    queued(session, family, kind="exit", fact_at=now - seconds(30))
    queued(session, family, kind="entry", fact_at=now - seconds(90))

    delivery(channel).drain()

    assert [message.kind for message in channel.sent] == ["entry", "exit"]


def test_one_guardian_gets_one_message_at_a_time(session: Session, delivery: MakeDelivery) -> None:
    family = a_family(session)
    for _ in range(6):
        queued(session, family)
    together = Together()

    delivery(together, width=4).drain()

    assert together.most == 1
    assert statuses(session) == ["sent"] * 6


def test_different_guardians_get_theirs_at_once(session: Session, delivery: MakeDelivery) -> None:
    school = a_school(session)
    for _ in range(4):
        queued(session, a_family(session, school=school))
    together = Together(wait_for=4)

    delivery(together, width=4).drain()

    assert together.most == 4


def test_too_many_messages_to_one_guardian_make_that_guardian_wait_and_nobody_else(
    session: Session, delivery: MakeDelivery
) -> None:
    school = a_school(session)
    busy, other = a_family(session, school=school), a_family(session, school=school)
    first = queued(session, busy)
    second = queued(session, busy)
    elsewhere = queued(session, other)
    channel = RefusingPhone(busy.guardian.phone or "", Refused(131056, 400, "pair rate limit"))

    delivery(channel).drain()

    now = datetime.now(UTC)
    for row in (first, second):
        waiting = again(session, row)
        assert (waiting.status, waiting.attempts) == ("queued", 0)
        assert seconds(4) < waiting.due_at - now <= seconds(9)
    assert again(session, elsewhere).status == "sent"
    assert channel.tried == 1
