"""The gate that loses its network just before the bell, with everything real: agents, broker,
ingest, scheduler. Two hundred children come in by it, and no family hears that theirs is missing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from central.devices.models import GateCourse
from central.models import Card, Course, Student
from central.no_shows.models import AlertPolicy
from central.settings import Settings
from devkit.servers import Mosquitto, Postgres, Redis
from devkit.waiting import wait_until
from tests.builders import a_course, a_device, a_gate, a_guardian, a_school, a_student
from tests.central import job_processes
from tests.central.conftest import SECRET, migrated
from tests.central.ingest_process import Ingest, ingest_environment
from tests.central.test_board_page import zone_where_it_is_eight
from tests.e2e.cable import Cable
from tests.edge.gate import PASSWORD, Gate, card, digest, roster
from tests.emptying import empty

AT_NORTH, AT_SOUTH = 200, 40
SIZE: Final = 40  # of a course
EVERYBODY: Final = AT_NORTH + AT_SOUTH
LATE_RISER: Final = EVERYBODY  # of the southern course: does not come, and the family is told
# Far enough for everybody to come in on a busy machine: the test lets the bell ring afterwards.
UNTIL_THE_BELL: Final = timedelta(minutes=30)
SECONDS: Final = 60  # for whatever takes a moment
# A gate that is back says within a minute that nothing waits any more; then somebody must look.
HEALED_WITHIN: Final = 180


@dataclass(frozen=True)
class Town:
    """The school as its database shows it, and its two gates."""

    owner: Engine
    school_id: int
    north: Gate
    south: Gate
    cable: Cable

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.owner.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def one(self, query: str) -> Any:
        ((value,),) = self.rows(query)
        return value


@pytest.fixture
def settings(postgres_server: Postgres, redis_server: Redis) -> Settings:
    postgres_server.create_database("cut_gate")
    settings = Settings.from_env(
        {
            "APP_ENV": "development",
            "DATABASE_URL": postgres_server.url("cut_gate"),
            "REDIS_URL": redis_server.url(9),
            "SECRET_KEY": SECRET,
        }
    )
    migrated(settings)
    return settings


@pytest.fixture
def town(settings: Settings, mosquitto: Mosquitto) -> Iterator[Town]:
    """Two gates that run, five courses that come by the northern one and one by the other."""
    owner = create_engine(settings.database_url, poolclass=NullPool)
    names = ("cut-north", "cut-south")
    mosquitto.admit(dict.fromkeys(names, PASSWORD))
    with ExitStack() as stack:
        cable = stack.enter_context(Cable(mosquitto.host, mosquitto.port))
        with Session(owner) as session:
            school_id = _a_school(session, names)
            session.commit()
        gates = []
        for name, port in zip(names, (cable.port, mosquitto.port), strict=True):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gate-")))
            gate = stack.enter_context(Gate(folder, name, port))
            gate.write_roster(roster(students=EVERYBODY))
            gates.append(gate)
        north, south = gates
        yield Town(owner, school_id, north, south, cable)
    empty(owner)
    owner.dispose()


def _a_school(session: Session, devices: Sequence[str]) -> int:
    """Its bell is ``UNTIL_THE_BELL`` away, on whatever date and hour the test runs."""
    now = datetime.now(UTC)
    school = a_school(session, timezone=zone_where_it_is_eight(now))
    bell = (now + UNTIL_THE_BELL).astimezone(ZoneInfo(school.timezone)).time()
    # the share of absent students is no help here: the gate alone must hold the alarm back
    policy = session.get_one(AlertPolicy, school.id)
    policy.grace_minutes, policy.most_absent_percent = 0, 100
    courses = [a_course(session, school, starts_at=bell) for _ in range(EVERYBODY // SIZE)]
    session.execute(
        text(
            "INSERT INTO course_schedules (school_id, course_id, weekday, starts_at, ends_at)"
            " SELECT school_id, course_id, day, starts_at, ends_at FROM course_schedules,"
            " generate_series(6, 7) day WHERE weekday = 1"
        )
    )
    for number in range(1, EVERYBODY + 1):
        _a_child(session, courses[(number - 1) // SIZE], number)
    for device, served in zip(devices, (courses[:-1], courses[-1:]), strict=True):
        gate = a_gate(session, school, name=device)
        a_device(session, gate, name=device, direction="in")
        for course in served:
            session.add(GateCourse(school_id=school.id, gate_id=gate.id, course_id=course.id))
    return school.id


def _a_child(session: Session, course: Course, number: int) -> Student:
    student = a_student(session, course)
    a_guardian(session, student)
    session.add(
        Card(
            school_id=course.school_id,
            digest=bytes.fromhex(digest(number)),
            kind="token",
            student_id=student.id,
        )
    )
    return student


@pytest.fixture
def central(
    settings: Settings, mosquitto: Mosquitto, redis_server: Redis, tmp_path: Path
) -> Iterator[Callable[[], None]]:
    """Start ingest and the scheduler."""
    ingest = Ingest(ingest_environment(settings, mosquitto, "cut-gate"), tmp_path / "ingest.log")
    with ExitStack() as stack:

        def start() -> None:
            ingest.start()
            stack.callback(ingest.kill)
            env = job_processes.environment(settings, redis_server.url(9), "http://127.0.0.1:1", "")
            log = tmp_path / "scheduler.log"
            scheduler = job_processes.start("scheduler", env, log, says="leading")
            stack.callback(scheduler.stop)

        yield start


def come_in(gate: Gate, children: range) -> None:
    """One after the other; each is told at once that the tap is kept, network or not."""
    for number in children:
        gate.reader.put(card(number))
        assert gate.answers.next()["pattern"] == "accept"
    gate.take_away()


def ring_the_bell(town: Town) -> None:
    """Let the hour that lessons begin at be now: nobody has to wait for it."""
    with town.owner.begin() as connection:
        connection.execute(
            text(
                "UPDATE course_schedules SET starts_at ="
                " (now() AT TIME ZONE (SELECT timezone FROM schools WHERE id = school_id))::time"
            )
        )


def test_a_gate_cut_off_before_the_bell_alarms_no_family_and_heals_by_itself(
    town: Town, central: Callable[[], None]
) -> None:
    central()
    for gate in (town.north, town.south):
        gate.start()
    assert wait_until(lambda: _online(town) == {"cut-north", "cut-south"}, SECONDS)

    town.cable.pull()
    come_in(town.north, range(1, AT_NORTH + 1))
    come_in(town.south, range(AT_NORTH + 1, LATE_RISER))
    assert wait_until(lambda: _online(town) == {"cut-south"}, SECONDS)
    assert wait_until(lambda: town.one("SELECT count(*) FROM taps") == AT_SOUTH - 1, SECONDS)
    ring_the_bell(town)
    assert wait_until(lambda: bool(town.rows("SELECT 1 FROM no_show_checks")), SECONDS)

    ((kind, state, reasons),) = town.rows("SELECT kind, state, reasons FROM tasks")
    assert (kind, state) == ("no_show_check", "open")
    assert [one["gate"] for one in reasons if one["code"] == "gate_offline"] == ["cut-north"]
    assert town.one("SELECT count(*) FROM no_shows") == AT_NORTH + 1
    assert _alarmed_of_north(town) == 0

    town.cable.plug()

    assert wait_until(lambda: town.one("SELECT state FROM tasks") == "resolved", HEALED_WITHIN)
    assert town.one("SELECT count(*) FROM taps") == EVERYBODY - 1
    assert town.rows("SELECT state, count(*) FROM no_shows GROUP BY state ORDER BY state") == [
        ("cleared", AT_NORTH),
        ("told", 1),
    ]
    assert _alarmed_of_north(town) == 0


def _online(town: Town) -> set[str]:
    return {row[0] for row in town.rows("SELECT id FROM devices WHERE online")}


def _alarmed_of_north(town: Town) -> int:
    """How many messages say that a child of the courses of the cut gate is missing."""
    return int(
        town.one(
            "SELECT count(*) FROM notifications n JOIN students s ON s.id = n.student_id"
            " WHERE n.kind = 'absence' AND s.course_id < (SELECT max(id) FROM courses)"
        )
    )
