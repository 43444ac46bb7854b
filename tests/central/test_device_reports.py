"""What devices say of themselves beside taps, as ingest stores it: whatever they send."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.devices.health_service import forget_health
from central.devices.models import Device
from central.devices.steering_service import configure, news_for_gates, order, told
from central.errors import Conflict
from central.ingest import batch
from central.ingest.reading import Received
from central.models import Command, DeviceHealth, QuarantinedMessage, School
from contracts import topics
from contracts.control import Answer, Reported
from contracts.messages import Health
from tests.builders import a_device, a_gate, a_school, a_user

SessionAs = Callable[..., Session]
NOW = datetime(2026, 6, 3, 11, 7, tzinfo=UTC)
SLOT = datetime(2026, 6, 3, 11, 0, tzinfo=UTC)


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session)


@pytest.fixture
def device(session: Session, school: School) -> Device:
    device = a_device(session, a_gate(session, school))
    session.commit()
    return device


@pytest.fixture
def store(session_as: SessionAs) -> Callable[..., None]:
    """Stores messages in one batch, as the process does."""
    ingest = session_as("ingest")

    def store(*messages: tuple[str, bytes], now: datetime = NOW) -> None:
        batch.store(ingest, [Received(topic, payload) for topic, payload in messages], now=now)
        ingest.commit()

    return store


def a_health(**changes: Any) -> Health:
    values: dict[str, Any] = {
        "at": NOW,
        "clock": "synced",
        "queue_depth": 3,
        "oldest_unsent_s": 40,
        "disk_free_mb": 9000,
        "reader_resets": 1,
        "camera_resets": 0,
    }
    return Health(**(values | changes))


def test_all_of_the_newest_health_is_kept_and_the_worst_of_each_quarter(
    session: Session, device: Device, store: Callable[..., None]
) -> None:
    topic = topics.health(device.id)
    store((topic, a_health(queue_depth=90, temperature_c=71, clock="unsynced").to_json()))
    newest = a_health(disk_free_mb=8000, roster_age_s=12, alarms=("disk_low",))
    store((topic, newest.to_json()), now=NOW + timedelta(minutes=1))
    store((topic, a_health().to_json()), now=NOW + timedelta(minutes=9))

    session.expire_all()
    slots = session.scalars(select(DeviceHealth).order_by(DeviceHealth.slot_at)).all()
    assert [slot.slot_at for slot in slots] == [SLOT, SLOT + timedelta(minutes=15)]
    worst = slots[0]
    assert (worst.queue_depth, worst.disk_free_mb, worst.temperature_c) == (90, 8000, 71)
    assert worst.unsynced
    assert not slots[1].unsynced


def test_the_newest_report_is_shown_with_every_figure(
    session: Session, device: Device, store: Callable[..., None]
) -> None:
    health = a_health(roster_version="r7", roster_age_s=12, alarms=("disk_low", "no_roster"))

    store((topics.health(device.id), health.to_json()))

    session.expire_all()
    assert device.health is not None
    assert Health.from_json(json.dumps(device.health).encode()) == health
    assert device.backlog == 3


def test_figures_beyond_all_sense_stop_nothing(
    session: Session, device: Device, store: Callable[..., None]
) -> None:
    huge = a_health(
        queue_depth=2**63 - 1, oldest_unsent_s=2**63 - 1, temperature_c=2**63 - 1, disk_free_mb=0
    )

    store((topics.health(device.id), huge.to_json()))

    assert session.scalars(select(DeviceHealth.queue_depth)).one() == 2**63 - 1


def test_old_history_is_forgotten(
    session: Session, session_as: SessionAs, device: Device, store: Callable[..., None]
) -> None:
    topic = topics.health(device.id)
    store((topic, a_health().to_json()), now=NOW - timedelta(days=31))
    store((topic, a_health().to_json()))

    scheduler = session_as("scheduler", device.school_id)
    forget_health(scheduler, before=NOW - timedelta(days=30))
    scheduler.commit()

    assert session.scalars(select(DeviceHealth.slot_at)).all() == [SLOT]


def test_a_configuration_is_published_until_the_broker_has_it(
    session: Session, session_as: SessionAs, school: School, device: Device
) -> None:
    web = session_as("web", school.id)
    assert configure(web, school.id, device.id, {"repeat_window_s": 30}) == 1
    assert configure(web, school.id, device.id, {"repeat_window_s": 30}) == 1
    assert configure(web, school.id, device.id, {"log_level": "debug"}) == 2
    web.commit()
    scheduler = session_as("scheduler", school.id)

    news = news_for_gates(scheduler, school.id, now=NOW)
    configure(web, school.id, device.id, {"repeat_window_s": None})  # meanwhile
    web.commit()
    told(scheduler, school.id, news, now=NOW)
    scheduler.commit()
    again = news_for_gates(scheduler, school.id, now=NOW)

    assert [json.loads(one.payload) for one in (*news, *again)] == [
        {"version": 2, "config": {"repeat_window_s": 30, "log_level": "debug"}},
        {"version": 3, "config": {"log_level": "debug"}},
    ]


def test_what_a_device_runs_and_refuses_is_kept(
    session: Session, device: Device, store: Callable[..., None]
) -> None:
    reported = Reported(4, "0.1.0", {"volume": "unknown \x00 here"})

    store((topics.reported(device.id), reported.to_json()))

    session.expire_all()
    assert device.reported == {
        "version": 4,
        "agent": "0.1.0",
        "errors": {"volume": "unknown   here"},
    }


def an_order(session: Session, device: Device, *, until: datetime) -> Command:
    command = order(session, device, "logs", {"lines": 5}, by=a_user(session).id, until=until)
    session.commit()
    return command


def test_an_order_is_answered_once_by_its_own_device(
    session: Session, session_as: SessionAs, device: Device, store: Callable[..., None]
) -> None:
    other = a_device(session, a_gate(session, a_school(session)))
    command = an_order(session, device, until=NOW + timedelta(minutes=5))
    scheduler = session_as("scheduler", device.school_id)
    news = news_for_gates(scheduler, device.school_id, now=NOW)
    assert json.loads(news[0].payload)["id"] == f"c-{command.id}"
    told(scheduler, device.school_id, news, now=NOW)
    scheduler.commit()

    reply = Answer(f"c-{command.id}", ok=True, result={"lines": ["one"]}).to_json()
    store((topics.answer(other.id), reply.replace(b"one", b"forged")))
    store((topics.answer(device.id), reply))
    store((topics.answer(device.id), Answer(f"c-{command.id}", False, "late").to_json()))

    session.expire_all()
    assert (command.ok, command.error, command.result) == (True, None, {"lines": ["one"]})
    assert command.sent_at == NOW


@pytest.mark.parametrize(
    "payload",
    [
        b'{"id": "c-1", "ok": true, "result": {"a": "\\u0000 \\ud800 \\\\u0000"}}',
        b'{"id": "c-1", "ok": true, "result": {"a": 1e999}}',
        b'{"id": "c-1", "ok": true, "result": {"a": "' + b"x" * 70_000 + b'"}}',
        b'{"id": "c-1", "ok": true, "result": {"a": ' + b"[" * 400 + b"]" * 400 + b"}}",
        b'{"id": "c-99999999999999999999999", "ok": true}',
        b'{"id": "c-x", "ok": true}',
        b'{"id": "c-1", "ok": "yes"}',
        b"not JSON",
    ],
)
def test_no_answer_whatever_it_holds_stops_ingest(
    session: Session, device: Device, store: Callable[..., None], payload: bytes
) -> None:
    an_order(session, device, until=NOW + timedelta(minutes=5))

    store((topics.answer(device.id), payload), (topics.health(device.id), a_health().to_json()))

    session.expire_all()
    assert device.health_at == NOW


def test_an_order_that_no_broker_took_in_time_is_given_up(
    session: Session, session_as: SessionAs, device: Device
) -> None:
    command = an_order(session, device, until=NOW - timedelta(seconds=1))
    scheduler = session_as("scheduler", device.school_id)

    news = news_for_gates(scheduler, device.school_id, now=NOW)
    scheduler.commit()

    session.expire_all()
    assert news == []
    assert (command.ok, command.error) == (False, "expired")


def test_a_revoked_device_takes_no_orders(session: Session, device: Device) -> None:
    device.revoked_at = NOW

    with pytest.raises(Conflict):
        an_order(session, device, until=NOW + timedelta(minutes=5))


def test_a_stranger_s_reports_go_into_quarantine(
    session: Session, store: Callable[..., None]
) -> None:
    store((topics.answer("nobody-1"), Answer("c-1", ok=True).to_json()))

    assert session.scalars(select(QuarantinedMessage.reason)).one() == "device: unknown or revoked"
