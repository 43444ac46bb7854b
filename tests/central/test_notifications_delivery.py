"""Draining the queue in a real database, as the worker's own role."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, sessionmaker
from structlog.testing import capture_logs

from central.models import Notification
from central.notifications.channel import (
    Accepted,
    Channel,
    Message,
    Outcome,
    RecordOnly,
    Refused,
    Unanswered,
    Unreachable,
)
from central.notifications.delivery import Delivery
from central.settings import Settings
from tests.builders import a_guardian, a_school
from tests.central.messages import a_family, again, listening, queued, statuses

MakeDelivery = Callable[..., Delivery]


class ScriptedChannel:
    """Answers as told, by default with acceptance; remembers what it was given."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.sent: list[Message] = []
        self._outcomes = iter(outcomes)
        self._lock = threading.Lock()

    def send(self, message: Message) -> Outcome:
        with self._lock:
            self.sent.append(message)
            return next(self._outcomes, Accepted(f"wamid.{message.reference}"))


@pytest.fixture
def worker_engine(database: Engine, settings: Settings) -> Iterator[Engine]:
    engine = create_engine(settings.database_url_for("worker"), hide_parameters=True)
    yield engine
    engine.dispose()


@pytest.fixture
def delivery(worker_engine: Engine) -> Iterator[MakeDelivery]:
    """Make a Delivery over a channel, with the worker's rights."""
    made: list[Delivery] = []

    def make(channel: Channel, **options: Any) -> Delivery:
        made.append(Delivery(sessionmaker(worker_engine), channel, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def due_again(session: Session, notification: Notification) -> None:
    """As if its waiting time were over."""
    session.execute(text("UPDATE notifications SET due_at = now() WHERE status = 'queued'"))
    session.commit()


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


def test_a_number_that_is_not_on_whatsapp_fails_without_a_retry(
    session: Session, delivery: MakeDelivery
) -> None:
    channel = ScriptedChannel(Refused(131026, 400, "Message undeliverable"))
    notification = queued(session, a_family(session))
    drain = delivery(channel).drain

    drain()
    due_again(session, notification)
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
    due_again(session, notification)
    drain()
    second = again(session, notification)
    second_wait = second.due_at - datetime.now(UTC)
    due_again(session, notification)
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
    due_again(session, entry)
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


class Together:
    """Notes how many sends are under way at the same time; can wait until so many are."""

    def __init__(self, wait_for: int = 1) -> None:
        self.most = 0
        self._now = 0
        self._changed = threading.Condition()
        self._wait_for = wait_for

    def send(self, message: Message) -> Outcome:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._wait_for, timeout=10)
            self._now -= 1
        return Accepted(f"wamid.{message.reference}")


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


class RefusingPhone:
    """Refuses the messages to one phone."""

    def __init__(self, phone: str, refusal: Refused) -> None:
        self.tried = 0
        self._phone = phone
        self._refusal = refusal

    def send(self, message: Message) -> Outcome:
        if message.phone != self._phone:
            return Accepted(f"wamid.{message.reference}")
        self.tried += 1
        return self._refusal


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
    meanwhile = _Meanwhile(
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
    meanwhile = _Meanwhile(
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
    meanwhile = _Meanwhile(
        session,
        "UPDATE notifications SET status = 'sent', lease_until = NULL, provider_id = 'wamid.1'",
        Unanswered("ReadTimeout"),
    )

    delivery(meanwhile).drain()

    row = again(session, notification)
    assert (row.status, row.provider_id, row.error) == ("sent", "wamid.1", None)


class _Meanwhile:
    """Something happens to the row while its message is on its way."""

    def __init__(self, session: Session, change: str, outcome: Outcome) -> None:
        self._session, self._change, self._outcome = session, change, outcome

    def send(self, message: Message) -> Outcome:
        self._session.execute(text(self._change))
        self._session.commit()
        return self._outcome


def test_a_drain_that_is_told_to_stop_ends_what_it_has_claimed_and_no_more(
    session: Session, delivery: MakeDelivery
) -> None:
    school = a_school(session)
    for _ in range(8):
        queued(session, a_family(session, school=school))
    stopping = _StopsItself()
    stopping.delivery = delivery(stopping, width=2)

    stopping.delivery.drain()

    assert statuses(session).count("sent") == stopping.sent <= 3
    assert statuses(session).count("queued") == 8 - stopping.sent


class _StopsItself:
    delivery: Delivery
    sent = 0

    def send(self, message: Message) -> Outcome:
        self.delivery.stop()
        self.sent += 1
        return Accepted(f"wamid.{message.reference}")


def test_a_long_run_ends_and_asks_for_another(session: Session, delivery: MakeDelivery) -> None:
    school = a_school(session)
    for _ in range(4):
        queued(session, a_family(session, school=school))
    now = datetime.now(UTC)
    clock = iter([now, now, *[now + timedelta(minutes=5)] * 50])

    more = delivery(ScriptedChannel(), width=2, clock=lambda: next(clock)).drain()

    assert more is True
    assert sorted(statuses(session)) == ["queued", "queued", "sent", "sent"]


def test_what_was_on_its_way_when_the_database_went_lapses_to_unknown(
    session: Session, delivery: MakeDelivery, worker_engine: Engine
) -> None:
    notification = queued(session, a_family(session))
    killing = _Meanwhile(
        session,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'attendance_worker'",
        Accepted("wamid.1"),
    )

    with pytest.raises(Exception, match=r"terminat|closed|consuming"):
        delivery(killing).drain()

    assert again(session, notification).status == "sending"
    worker_engine.dispose()
    later = datetime.now(UTC) + timedelta(minutes=2)
    delivery(ScriptedChannel(), clock=lambda: later).drain()
    assert again(session, notification).status == "unknown"


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
