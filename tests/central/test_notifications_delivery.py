"""Draining the queue in a real database, as the worker's own role."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from central.notifications.channel import (
    RecordOnly,
)
from central.settings import Settings
from tests.builders import a_guardian, a_school
from tests.central.messages import a_family, again, listening, queued, statuses
from tests.central.sending import (
    MakeDelivery,
    ScriptedChannel,
    StopsItself,
    deliveries,
    seconds,
)


@pytest.fixture
def delivery(database: Engine, settings: Settings) -> Iterator[MakeDelivery]:
    with deliveries(settings) as make:
        yield make


def test_a_due_message_is_sent_and_known_by_the_providers_id(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel()
    family = a_family(session, phone="+56940000001", gate="Puerta Norte")
    notification = queued(session, family)

    delivery(channel).drain()

    row = again(session, notification)
    assert row.status == "sent"
    assert row.provider_id == f"wamid.{family.school.id}:{notification.id}"
    assert row.sent_at is not None
    assert (row.attempts, row.lease_until) == (1, None)
    (message,) = channel.sent
    assert (message.phone, message.given_name, message.gate) == (
        "+56940000001",
        "Sofía",
        "Puerta Norte",
    )
    assert (message.timezone, message.locale) == ("America/Santiago", "es")


def test_a_message_that_is_not_due_waits(session: Session, delivery: MakeDelivery) -> None:
    channel = ScriptedChannel()
    queued(session, a_family(session), due_at=datetime.now(UTC) + seconds(60))

    delivery(channel).drain()

    assert channel.sent == []
    assert statuses(session) == ["queued"]


def test_the_messages_of_all_schools_are_sent(session: Session, delivery: MakeDelivery) -> None:
    channel = ScriptedChannel()
    schools = [queued(session, a_family(session)).school_id for _ in range(3)]

    delivery(channel).drain()

    assert sorted(message.school_id for message in channel.sent) == sorted(schools)
    assert statuses(session) == ["sent"] * 3


def test_more_messages_than_threads_are_all_sent_once(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel()
    school = a_school(session)
    rows = [queued(session, a_family(session, school=school)) for _ in range(20)]

    delivery(channel, width=3).drain()

    assert sorted(message.id for message in channel.sent) == [row.id for row in rows]
    assert statuses(session) == ["sent"] * 20


def test_two_drains_at_once_send_each_message_once(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel()
    school = a_school(session)
    rows = [queued(session, a_family(session, school=school)) for _ in range(60)]
    drains = [delivery(channel, width=4) for _ in range(2)]

    threads = [threading.Thread(target=each.drain) for each in drains]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(message.id for message in channel.sent) == [row.id for row in rows]
    assert statuses(session) == ["sent"] * 60


def test_while_sending_is_switched_off_messages_are_only_recorded(
    session: Session, delivery: MakeDelivery
) -> None:
    notification = queued(session, a_family(session))

    delivery(RecordOnly()).drain()

    row = again(session, notification)
    assert (row.status, row.attempts, row.sent_at, row.provider_id) == ("recorded", 0, None, None)


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ("UPDATE guardians SET stopped_at = now()", "recorded", "guardian_stopped"),
        ("UPDATE guardians SET phone = NULL", "failed", "no_phone"),
        ("UPDATE students SET given_names = ' '", "failed", "empty_parameter"),
        (
            "UPDATE notifications SET fact_at = now() - interval '2 hours'",
            "failed",
            "expired",
        ),
    ],
)
def test_what_must_not_be_sent_any_more_is_not(
    session: Session, delivery: MakeDelivery, change: str, status: str, error: str
) -> None:
    channel = ScriptedChannel()
    notification = queued(session, a_family(session))
    session.execute(text(change))
    session.commit()

    delivery(channel).drain()

    row = again(session, notification)
    assert channel.sent == []
    assert (row.status, row.error, row.attempts) == (status, error, 0)
    assert (row.failed_at is not None) == (status == "failed")


def test_a_drain_that_is_told_to_stop_ends_what_it_has_claimed_and_no_more(
    session: Session, delivery: MakeDelivery
) -> None:
    school = a_school(session)
    for _ in range(8):
        queued(session, a_family(session, school=school))
    stopping = StopsItself()
    stopping.delivery = delivery(stopping, width=2)

    stopping.delivery.drain()

    assert statuses(session).count("sent") == stopping.sent <= 3
    assert statuses(session).count("queued") == 8 - stopping.sent


def test_a_long_run_ends_and_asks_for_another(session: Session, delivery: MakeDelivery) -> None:
    school = a_school(session)
    for _ in range(4):
        queued(session, a_family(session, school=school))
    now = datetime.now(UTC)
    clock = iter([now, now, *[now + timedelta(minutes=5)] * 50])

    more = delivery(ScriptedChannel(), width=2, clock=lambda: next(clock)).drain()

    assert more is True
    assert sorted(statuses(session)) == ["queued", "queued", "sent", "sent"]


def test_the_schools_that_changed_are_announced(
    session: Session, delivery: MakeDelivery, owner: Engine
) -> None:
    notification = queued(session, a_family(session))
    with listening(owner) as heard_so_far:
        delivery(ScriptedChannel()).drain()

        heard = heard_so_far()
    assert heard == [f'{{"school": {notification.school_id}, "kind": "notifications"}}']


def test_two_children_of_one_guardian_are_two_messages(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel()
    first = a_family(session)
    second = a_family(session, school=first.school)
    both = a_guardian(session, first.student, second.student)
    first.guardian = second.guardian = both
    queued(session, first)
    queued(session, second)

    delivery(channel).drain()

    assert statuses(session) == ["sent", "sent"]
