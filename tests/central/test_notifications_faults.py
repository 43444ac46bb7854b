"""What is left of a message when its sending goes wrong, and what happens next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from central.notifications.channel import (
    Accepted,
    Message,
    Outcome,
    Refused,
    Unanswered,
    Unreachable,
)
from central.settings import Settings
from tests.builders import a_school
from tests.central.messages import a_family, again, queued, statuses
from tests.central.sending import (
    MakeDelivery,
    Meanwhile,
    ScriptedChannel,
    deliveries,
    due_again,
    seconds,
)


@pytest.fixture
def delivery(database: Engine, settings: Settings) -> Iterator[MakeDelivery]:
    with deliveries(settings) as make:
        yield make


def test_a_number_that_is_not_on_whatsapp_fails_without_a_retry(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel(Refused(131026, 400, "Message undeliverable"))
    notification = queued(session, a_family(session))
    drain = delivery(channel).drain

    drain()
    due_again(session)
    drain()

    row = again(session, notification)
    assert len(channel.sent) == 1
    assert (row.status, row.error_code, row.error) == ("failed", 131026, "Message undeliverable")


def test_trouble_at_the_provider_is_retried_after_a_while(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel(Refused(131000, 500, "trouble"), Refused(131000, 500, "trouble"))
    notification = queued(session, a_family(session))
    drain = delivery(channel).drain

    drain()
    first = again(session, notification)
    first_wait, first_attempts = first.due_at - datetime.now(UTC), first.attempts
    due_again(session)
    drain()
    second = again(session, notification)
    second_wait = second.due_at - datetime.now(UTC)
    due_again(session)
    drain()

    assert seconds(0) < first_wait <= seconds(1.5)
    assert seconds(3) < second_wait <= seconds(6)
    assert first_attempts == 1
    row = again(session, notification)
    assert (row.status, row.attempts, row.error_code, row.error) == ("sent", 3, None, None)


def test_a_send_without_an_answer_is_unknown_and_not_repeated(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel(Unanswered("ReadTimeout"))
    notification = queued(session, a_family(session))
    drain = delivery(channel).drain

    drain()
    drain()

    row = again(session, notification)
    assert len(channel.sent) == 1
    assert (row.status, row.error, row.attempts) == ("unknown", "ReadTimeout", 1)


def test_a_channel_that_raises_leaves_its_message_unknown(
    session: Session, delivery: MakeDelivery
) -> None:
    class Broken:
        def send(self, message: Message) -> Outcome:
            raise OverflowError

    notification = queued(session, a_family(session))

    with capture_logs() as logs:
        delivery(Broken()).drain()

    row = again(session, notification)
    assert (row.status, row.error) == ("unknown", "OverflowError")
    assert "channel_failed" in [line["event"] for line in logs]


def test_an_unreachable_provider_keeps_the_message_and_costs_no_attempt(
    session: Session, delivery: MakeDelivery
) -> None:
    now = datetime.now(UTC)
    clock = [now]
    channel = ScriptedChannel(Unreachable("ConnectTimeout"))
    notification = queued(session, a_family(session))
    drain = delivery(channel, clock=lambda: clock[0]).drain

    drain()
    during = again(session, notification)
    standing = (during.status, during.attempts, during.lease_until, during.error)
    drain()
    tried_during_the_rest = len(channel.sent)
    clock[0] = now + seconds(2)
    drain()

    assert standing == ("queued", 0, None, "ConnectTimeout")
    assert tried_during_the_rest == 1
    assert again(session, notification).status == "sent"


def test_a_refused_token_stops_sending_and_keeps_the_queue(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel(*[Refused(190, 401, "Invalid OAuth access token")] * 50)
    school = a_school(session)
    for _ in range(10):
        queued(session, a_family(session, school=school))
    drain = delivery(channel, width=2).drain

    with capture_logs() as logs:
        drain()
        drain()

    assert len(channel.sent) == 2  # what was on its way
    assert statuses(session) == ["queued"] * 10
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["sending_halted"]


def test_a_lapsed_lease_becomes_unknown_and_is_not_sent_again(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel()
    notification = queued(
        session,
        a_family(session),
        status="sending",
        lease_until=datetime.now(UTC) - seconds(1),
    )

    delivery(channel).drain()

    row = again(session, notification)
    assert channel.sent == []
    assert (row.status, row.error, row.lease_until) == ("unknown", "sender_lost", None)


def test_a_lease_that_still_runs_is_left_alone(session: Session, delivery: MakeDelivery) -> None:
    notification = queued(
        session,
        a_family(session),
        status="sending",
        lease_until=datetime.now(UTC) + seconds(30),
    )

    delivery(ScriptedChannel()).drain()

    assert again(session, notification).status == "sending"


def test_an_answer_that_comes_after_the_lease_still_counts(
    session: Session, delivery: MakeDelivery
) -> None:
    notification = queued(session, a_family(session))
    meanwhile = Meanwhile(
        session,
        "UPDATE notifications SET status = 'unknown', lease_until = NULL, error = 'sender_lost'",
        Accepted("wamid.late"),
    )

    delivery(meanwhile).drain()

    row = again(session, notification)
    assert (row.status, row.provider_id, row.error) == ("sent", "wamid.late", None)


def test_a_report_that_was_faster_than_the_answer_stands(
    session: Session, delivery: MakeDelivery
) -> None:
    notification = queued(session, a_family(session))
    meanwhile = Meanwhile(
        session,
        "UPDATE notifications SET status = 'delivered', lease_until = NULL, delivered_at = now()",
        Accepted("wamid.1"),
    )

    delivery(meanwhile).drain()

    row = again(session, notification)
    assert (row.status, row.provider_id) == ("delivered", "wamid.1")
    assert row.sent_at is not None


def test_a_report_stands_above_a_timeout(session: Session, delivery: MakeDelivery) -> None:
    notification = queued(session, a_family(session))
    meanwhile = Meanwhile(
        session,
        "UPDATE notifications SET status = 'sent', lease_until = NULL, provider_id = 'wamid.1'",
        Unanswered("ReadTimeout"),
    )

    delivery(meanwhile).drain()

    row = again(session, notification)
    assert (row.status, row.provider_id, row.error) == ("sent", "wamid.1", None)


DISCONNECT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'attendance_worker'"
)


def test_a_connection_to_the_database_that_breaks_meanwhile_is_replaced(
    session: Session, delivery: MakeDelivery
) -> None:
    notification = queued(session, a_family(session))

    delivery(Meanwhile(session, DISCONNECT, Accepted("wamid.1"))).drain()

    row = again(session, notification)
    assert (row.status, row.provider_id) == ("sent", "wamid.1")


def test_what_was_on_its_way_when_the_database_went_away_lapses_to_unknown(
    session: Session, delivery: MakeDelivery
) -> None:
    notification = queued(session, a_family(session))
    shut_out = f"ALTER ROLE attendance_worker NOLOGIN; {DISCONNECT}"

    try:
        with pytest.raises(OperationalError):
            delivery(Meanwhile(session, shut_out, Accepted("wamid.1"))).drain()
        held = again(session, notification).status
    finally:
        session.execute(text("ALTER ROLE attendance_worker LOGIN"))
        session.commit()
    later = datetime.now(UTC) + timedelta(minutes=2)
    delivery(ScriptedChannel(), clock=lambda: later).drain()

    assert held == "sending"
    assert again(session, notification).status == "unknown"
