"""From a row to a guardian's phone and back: our sender and webhook with the emulated Cloud API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from central.app import create_app
from central.db import db
from central.models import Notification
from central.notifications.delivery import Delivery
from central.notifications.queries import LogFilter, message_log
from central.notifications.whatsapp import WhatsApp
from central.settings import Settings
from tests.builders import a_school
from tests.central.messages import Family, a_family, again, queued, statuses
from tests.emulators.cloud_client import PHONE_NUMBER_ID, TOKEN, Cloud
from tests.emulators.processes import address, running
from tests.emulators.waiting import eventually

PHONE = "56940000001"
SOON = {"sent": 0.01, "delivered": 0.05, "read": 0.1}
LATER = {"sent": 2.0, "delivered": 2.1, "read": 2.2}

Drain = Callable[[], object]


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web(settings: Settings) -> Iterator[BaseWSGIServer]:
    """The application behind a real port, for the emulator to report to."""
    app = create_app(settings)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def emulator(web: BaseWSGIServer, settings: Settings) -> Iterator[str]:
    options = {
        "--port": "0",
        "--token": TOKEN,
        "--app-secret": settings.whatsapp_app_secret,
        "--verify-token": settings.whatsapp_verify_token,
        "--webhook-url": f"http://127.0.0.1:{web.server_port}/webhooks/whatsapp",
        "--phone-number-id": PHONE_NUMBER_ID,
    }
    arguments = [part for option in options.items() for part in option]
    with running("emulators.whatsapp", *arguments) as process:
        yield address(process)


@pytest.fixture
def cloud(emulator: str, database: Engine) -> Iterator[Cloud]:
    """The emulator with quick phones; forgets what it still had to tell before the next test."""
    cloud = Cloud(emulator)
    cloud.order("/emulator/reset", {})
    cloud.behave(delays=SOON)
    yield cloud
    cloud.order("/emulator/reset", {})


@dataclass
class Sender:
    delivery: Delivery
    drain: Drain


@pytest.fixture
def make_sender(
    database: Engine, settings: Settings, emulator: str
) -> Iterator[Callable[..., Sender]]:
    engine = create_engine(settings.database_url_for("worker"), hide_parameters=True)
    made: list[Delivery] = []

    def make(token: str = TOKEN, patience: float = 10) -> Sender:
        channel = WhatsApp(
            emulator, PHONE_NUMBER_ID, token, read_timeout=timedelta(seconds=patience)
        )
        made.append(Delivery(sessionmaker(engine), channel, width=8))
        return Sender(made[-1], made[-1].drain)

    yield make
    for delivery in made:
        delivery.close()
    engine.dispose()


def family_of(session: Session, phone: str = PHONE) -> Family:
    return a_family(session, phone=f"+{phone}", gate="Puerta Norte")


def reaches(session: Session, notification: Notification, status: str) -> None:
    eventually(lambda: again(session, notification).status == status)


def told_at(row: Notification) -> list[datetime | None]:
    return [row.sent_at, row.delivered_at, row.read_at]


def test_meta_finds_our_webhook(cloud: Cloud) -> None:
    assert cloud.order("/emulator/verify", {}).json() == {"verified": True}


@pytest.mark.parametrize("kind", ["entry", "exit"])
@pytest.mark.parametrize("locale", ["es", "en"])
def test_a_guardian_reads_what_the_log_shows(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud, kind: str, locale: str
) -> None:
    family = family_of(session)
    family.guardian.locale = locale
    notification = queued(session, family, kind=kind)

    make_sender().drain()

    eventually(lambda: all(told_at(again(session, notification))))  # each on its own way
    (shown,) = cloud.messages()
    (logged,) = message_log(session, family.school.id, LogFilter()).messages
    row = again(session, notification)
    assert (shown["phone"], shown["text"]) == (PHONE, logged.text)
    assert "Sofía" in shown["text"]
    assert "Puerta Norte" in shown["text"]
    assert (row.status, row.provider_id) == ("read", shown["id"])


def test_a_send_without_an_answer_that_arrived_is_settled_by_the_webhook(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud
) -> None:
    cloud.behave(answer="hang", accepted=True, times=1, delays=LATER)
    notification = queued(session, family_of(session))
    sender = make_sender(patience=0.5)

    sender.drain()
    after_the_timeout = again(session, notification).status
    reaches(session, notification, "read")
    sender.drain()

    assert after_the_timeout == "unknown"
    assert len(cloud.messages()) == 1
    assert again(session, notification).error is None


def test_a_send_without_an_answer_that_never_arrived_stays_unknown(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud
) -> None:
    cloud.behave(answer="hang", times=1)
    notification = queued(session, family_of(session))
    sender = make_sender(patience=0.3)

    sender.drain()
    sender.drain()

    assert again(session, notification).status == "unknown"
    assert cloud.messages() == []


def test_an_error_that_hid_a_success_is_settled_by_the_webhook_and_not_sent_again(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud
) -> None:
    cloud.behave(answer=500, accepted=True, times=1)
    notification = queued(session, family_of(session))
    sender = make_sender()

    sender.drain()
    reaches(session, notification, "read")
    session.execute(text("UPDATE notifications SET due_at = now()"))
    session.commit()
    sender.drain()

    assert len(cloud.messages()) == 1


def test_a_number_without_whatsapp_fails_at_once(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud
) -> None:
    cloud.behave(answer=131026, phone=PHONE)
    notification = queued(session, family_of(session))

    make_sender().drain()

    row = again(session, notification)
    assert (row.status, row.error_code, row.attempts) == ("failed", 131026, 1)


def test_a_message_that_fails_after_it_was_taken_has_failed(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud
) -> None:
    cloud.behave(fail=131026)
    notification = queued(session, family_of(session))

    make_sender().drain()

    reaches(session, notification, "failed")
    row = again(session, notification)
    assert row.error_code == 131026
    assert row.provider_id is not None


def test_trouble_and_limits_pass_and_each_guardian_gets_one_message(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud
) -> None:
    school = a_school(session)
    phones = [f"569400000{number:02}" for number in range(20)]
    for phone in phones:
        queued(session, a_family(session, school=school, phone=f"+{phone}"))
    cloud.behave(shuffle=True, repeat=2)
    cloud.behave(answer=131000, times=4)
    cloud.behave(answer=503, times=3)
    cloud.behave(answer=130429, times=1)
    sender = make_sender()

    def drained() -> bool:
        sender.drain()
        return statuses(session).count("read") == len(phones)

    eventually(drained, within=60)
    assert sorted(message["phone"] for message in cloud.messages()) == phones


def test_a_wrong_token_keeps_everything_queued(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud
) -> None:
    notification = queued(session, family_of(session))

    make_sender(token="expired").drain()

    row = again(session, notification)
    assert (row.status, row.error_code, row.attempts) == ("queued", 190, 0)


def test_who_answers_alto_gets_no_more_messages(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud
) -> None:
    family = family_of(session)
    first = queued(session, family)
    sender = make_sender()
    sender.drain()
    reaches(session, first, "read")

    cloud.order(f"/emulator/phones/{PHONE}/reply", {"text": "ALTO"})
    eventually(lambda: _stopped_at(session, family))
    second = queued(session, family, kind="exit")
    sender.drain()

    row = again(session, second)
    assert (row.status, row.error) == ("recorded", "guardian_stopped")


def _stopped_at(session: Session, family: Family) -> datetime | None:
    session.rollback()
    session.refresh(family.guardian)
    return family.guardian.stopped_at


def test_a_hundred_messages_arrive_once_each_from_two_workers(
    session: Session, make_sender: Callable[..., Sender], cloud: Cloud
) -> None:
    school = a_school(session)
    phones = [f"56940000{number:03}" for number in range(100)]
    for phone in phones:
        queued(session, a_family(session, school=school, phone=f"+{phone}"))
    senders = [make_sender() for _ in range(2)]

    threads = [threading.Thread(target=sender.drain) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    eventually(lambda: statuses(session) == ["read"] * 100, within=60)
    assert sorted(message["phone"] for message in cloud.messages()) == phones
