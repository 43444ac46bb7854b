"""The cut gate with the real broker, the real ingest process and a real last will."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import text
from sqlalchemy.orm import Session

from central.models import School
from central.settings import Settings
from contracts import topics
from contracts.messages import DeviceStatus, Health, Receipt, TapBatch
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from tests.builders import a_course, a_device, a_gate, a_guardian, a_school, a_student, a_tap
from tests.central.ingest_process import SECONDS, Ingest, ingest_environment
from tests.central.missing import no_show_states, tasks, told_kinds, watch
from tests.central.test_board_page import zone_where_it_is_eight

SessionAs = Callable[..., Session]
COURSES, SIZE = 6, 40
AT_NORTH = 200  # children who tap at the gate that is cut off


class LivingGate:
    """A gate as the agent is to the broker: a birth, a last will, health, taps until receipted."""

    def __init__(self, broker: Mosquitto, device: str, session: int) -> None:
        self._device, self._session = device, session
        self._receipts: queue.Queue[Receipt] = queue.Queue()
        listening: queue.Queue[None] = queue.Queue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=device, protocol=mqtt.MQTTv5
        )
        self._client.username_pw_set(device, device)
        self._client.will_set(topics.status(device), self._status(online=False), 1, retain=True)
        self._client.on_connect = self._listen
        self._client.on_subscribe = lambda *_: listening.put(None)
        self._client.on_message = lambda _c, _d, message: self._receipts.put(
            Receipt.from_json(bytes(message.payload))
        )
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        listening.get(timeout=SECONDS)
        self._client.publish(topics.status(device), self._status(online=True), 1, retain=True)

    def _listen(self, *_: Any) -> None:
        self._client.subscribe(topics.receipt(self._device), 1)

    def _status(self, *, online: bool) -> bytes:
        return DeviceStatus(online, self._session, "1.0.0", datetime.now(UTC)).to_json()

    def report(self, waiting: int = 0) -> None:
        health = Health(datetime.now(UTC), "synced", waiting, 900 if waiting else 0, 9000, 0, 0)
        self._client.publish(topics.health(self._device), health.to_json(), 0)

    def tap(self, cards: Sequence[str], at: datetime) -> None:
        """Send these cards' taps and return when central holds them all."""
        taps = [a_tap(number, card=card, at=at) for number, card in enumerate(cards, start=1)]
        for begin in range(0, len(taps), 50):
            batch = TapBatch("s1", tuple(taps[begin : begin + 50]))
            self._client.publish(topics.taps(self._device), batch.to_json(), 1)
        while self._receipts.get(timeout=SECONDS).upto < len(taps):
            pass

    def lose_network(self) -> None:
        """Without a good-bye, as when somebody pulls the cable."""
        self._client.loop_stop()
        socket = self._client.socket()
        assert socket is not None
        socket.close()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@dataclass(frozen=True)
class Scene:
    school: School
    cards: list[str]
    began: datetime


@pytest.fixture
def ingest(settings: Settings, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Ingest]:
    environment = ingest_environment(settings, mosquitto, tmp_path.name)
    ingest = Ingest(environment, tmp_path / "ingest.log")
    ingest.start()
    yield ingest
    ingest.kill()


@pytest.fixture
def scene(session: Session, mosquitto: Mosquitto) -> Scene:
    """240 children whose class began 16 minutes ago, by the real clock; two gates."""
    now = datetime.now(UTC)
    school = a_school(session, timezone=zone_where_it_is_eight(now))
    began = (now - timedelta(minutes=16)).replace(microsecond=0)
    bell = began.astimezone(ZoneInfo(school.timezone)).time()
    courses = [a_course(session, school, starts_at=bell) for _ in range(COURSES)]
    session.execute(
        text(
            "INSERT INTO course_schedules (school_id, course_id, weekday, starts_at, ends_at)"
            " SELECT school_id, course_id, day, starts_at, ends_at FROM course_schedules,"
            " generate_series(6, 7) day WHERE weekday = 1"
        )
    )
    cards = []
    for number in range(COURSES * SIZE):
        cards.append(f"{school.id}-{number}")
        a_guardian(session, a_student(session, courses[number // SIZE], card=cards[-1]))
    for device in ("line-north", "line-south"):
        a_device(session, a_gate(session, school, name=device), name=device, direction="in")
    session.commit()
    mosquitto.admit({"line-north": "line-north", "line-south": "line-south"})
    return Scene(school, cards, began)


def test_the_cut_gate_alarms_nobody_and_heals_when_it_is_back(
    session: Session, session_as: SessionAs, mosquitto: Mosquitto, ingest: Ingest, scene: Scene
) -> None:
    def survey(later: timedelta = timedelta(0)) -> None:
        watch(session_as, scene.school.id, datetime.now(UTC) + later)

    north, south = (LivingGate(mosquitto, name, 1) for name in ("line-north", "line-south"))
    by_north, by_south = scene.cards[:AT_NORTH], scene.cards[AT_NORTH:]
    south.tap(by_south[1:], scene.began - timedelta(minutes=10))  # all but one
    for gate in (north, south):
        gate.report()
    assert wait_until(lambda: {"line-north", "line-south"} == online(session), SECONDS)

    north.lose_network()
    assert wait_until(lambda: "line-north" not in online(session), SECONDS)
    survey()
    survey(timedelta(seconds=15))

    assert "absence" not in told_kinds(session)
    ((state, codes),) = tasks(session)
    assert state == "open"
    assert "gate_offline" in codes
    assert no_show_states(session) == {"held": AT_NORTH + 1}

    north = LivingGate(mosquitto, "line-north", 2)
    north.report(waiting=AT_NORTH)
    assert wait_until(lambda: "line-north" in online(session), SECONDS)
    survey()
    assert "absence" not in told_kinds(session)  # it is back, but what it kept is not here yet

    north.tap(by_north, scene.began - timedelta(minutes=3))
    north.report()
    assert wait_until(lambda: backlog(session, "line-north") == 0, SECONDS)
    survey(timedelta(minutes=4))

    assert [state for state, _ in tasks(session)] == ["resolved"]
    assert told_kinds(session).count("absence") == 1
    assert no_show_states(session) == {"cleared": AT_NORTH, "told": 1}
    for gate in (north, south):
        gate.close()


def online(session: Session) -> set[str]:
    session.rollback()
    return set(session.scalars(text("SELECT id FROM devices WHERE online")))


def backlog(session: Session, device: str) -> int | None:
    session.rollback()
    found = session.scalar(text("SELECT backlog FROM devices WHERE id = :d"), {"d": device})
    return None if found is None else int(found)
