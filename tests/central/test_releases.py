"""A new version on its way to the gates: published, offered by stages, stopped by a failure."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.errors import Conflict, NotFound
from central.media.store import FolderStore
from central.models import AuditEntry, Device, Release, Rollout, School
from central.releases import queries, rules, service
from central.releases.rules import REST, Part
from tests.builders import a_device, a_gate, a_school
from tests.central.api import Caller, a_caller_as
from tests.central.test_device_api import KeyedDevice
from tests.edge.releases import KEY, NEXT_KEY, STRANGER, a_release, public

NOW = datetime(2026, 6, 3, 11, 0, tzinfo=UTC)
KEYS = [public(KEY), public(NEXT_KEY)]
RELEASE = a_release("1.1.0")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session)


@pytest.fixture
def gates(session: Session, school: School) -> list[Device]:
    """Six gates, all connected."""
    gate = a_gate(session, school)
    devices = [a_device(session, gate) for _ in range(6)]
    for device in devices:
        device.online = True
    session.commit()
    return sorted(devices, key=lambda device: device.id)


@pytest.fixture
def published(session: Session, store: FolderStore) -> Release:
    release = service.publish(session, store, RELEASE, KEYS, now=NOW)
    session.commit()
    return release


@pytest.fixture
def rollout(session: Session, school: School, gates: list[Device], published: Release) -> Rollout:
    """The second gate goes first."""
    return service.start(session, school.id, "1.1.0", [gates[1].id], by=None, now=NOW)


def offered_to(session: Session, gates: list[Device], now: datetime) -> list[int]:
    """Which of the gates, by position, may have something at ``now``."""
    return [
        position
        for position, device in enumerate(gates)
        if service.offered(session, device.school_id, device.id, now=now) is not None
    ]


def says(
    session: Session, device: Device, state: str, reason: str | None = None, *, at: datetime = NOW
) -> None:
    service.report(session, device.school_id, device.id, "1.1.0", (state, reason), now=at)


def test_what_is_signed_is_published_once(
    session: Session, store: FolderStore, published: Release
) -> None:
    again = service.publish(session, store, RELEASE, KEYS, now=NOW + timedelta(days=1))

    assert again is published
    assert (published.version, published.size) == ("1.1.0", len(RELEASE))
    assert published.sha256 == hashlib.sha256(RELEASE).hexdigest()
    assert store.get(published.store_key) == RELEASE


@pytest.mark.parametrize(
    "content",
    [
        a_release("1.2.0", key=STRANGER),
        RELEASE[:-100],
        b"something else",
        a_release("1.1.0", "raise SystemExit"),  # another file under a known version
    ],
    ids=["another key", "cut off", "no release", "another file"],
)
def test_what_gates_would_refuse_is_not_published(
    session: Session, store: FolderStore, published: Release, content: bytes
) -> None:
    with pytest.raises(Conflict):
        service.publish(session, store, content, KEYS, now=NOW)


def test_a_release_by_the_next_key_is_published_too(session: Session, store: FolderStore) -> None:
    release = service.publish(session, store, a_release("1.2.0", key=NEXT_KEY), KEYS, now=NOW)

    assert release.version == "1.2.0"


def test_canaries_go_first_then_a_quarter_then_all(
    session: Session, gates: list[Device], rollout: Rollout
) -> None:
    canary, second, rest = [1], [0, 2], [3, 4, 5]

    at_first = offered_to(session, gates, NOW)
    says(session, gates[1], "installing")
    says(session, gates[1], "active")
    too_soon = offered_to(session, gates, NOW + REST - timedelta(minutes=1))
    rested = offered_to(session, gates, NOW + REST)
    for position in second:
        says(session, gates[position], "active", at=NOW + REST)
    at_last = offered_to(session, gates, NOW + 2 * REST)

    assert (at_first, too_soon, rested, at_last) == (canary, [], second, rest)


def test_a_failure_anywhere_stops_the_spreading_and_is_written_down(
    session: Session, gates: list[Device], rollout: Rollout
) -> None:
    says(session, gates[1], "rolled_back", "not_online")

    assert offered_to(session, gates, NOW + REST) == []
    assert (rollout.state, rollout.reason) == ("paused", "not_online")
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["started_rollout", "paused_rollout"]


def test_a_gate_that_is_switched_off_holds_nobody_up(
    session: Session, school: School, gates: list[Device], published: Release
) -> None:
    service.start(session, school.id, "1.1.0", [gates[0].id, gates[1].id], by=None, now=NOW)
    gates[0].online = False
    session.flush()
    says(session, gates[1], "active")

    assert offered_to(session, gates, NOW + REST) == [0, 2]


def test_paused_means_nobody_and_resumed_goes_on(
    session: Session, gates: list[Device], rollout: Rollout
) -> None:
    def step(name: str) -> None:
        service.step(session, rollout.school_id, rollout.id, name, by=None, now=NOW)

    step("pause")
    paused = offered_to(session, gates, NOW)
    step("resume")
    resumed = offered_to(session, gates, NOW)
    step("stop")

    assert (paused, resumed) == ([], [1])
    assert offered_to(session, gates, NOW) == []
    with pytest.raises(Conflict):
        step("resume")


def test_a_file_that_came_damaged_is_offered_again_after_resuming(
    session: Session, gates: list[Device], rollout: Rollout
) -> None:
    says(session, gates[1], "refused", "no_release")
    service.step(session, rollout.school_id, rollout.id, "resume", by=None, now=NOW)

    assert offered_to(session, gates, NOW) == [1]


def test_a_version_that_a_gate_went_back_from_is_not_offered_to_it_again(
    session: Session, gates: list[Device], rollout: Rollout
) -> None:
    says(session, gates[1], "rolled_back", "restarts")
    service.step(session, rollout.school_id, rollout.id, "resume", by=None, now=NOW)

    assert offered_to(session, gates, NOW + 9 * REST) == []  # its only canary showed nothing


def test_when_all_have_it_the_roll_out_is_done(
    session: Session, gates: list[Device], rollout: Rollout
) -> None:
    for device in gates:
        says(session, device, "active")
    says(session, gates[0], "rolled_back", "by_hand")  # much later: of no interest any more

    assert rollout.state == "done"


def test_one_at_a_time(
    session: Session, school: School, gates: list[Device], rollout: Rollout
) -> None:
    with pytest.raises(Conflict):
        service.start(session, school.id, "1.1.0", [], by=None, now=NOW)


def test_only_what_exists_is_rolled_out(
    session: Session, school: School, gates: list[Device], published: Release
) -> None:
    elsewhere = a_device(session, a_gate(session, a_school(session)))

    for version, canaries in (("9.9.9", []), ("1.1.0", [elsewhere.id])):
        with pytest.raises(NotFound):
            service.start(session, school.id, version, canaries, by=None, now=NOW)


def test_a_withdrawn_release_is_given_to_nobody(
    session: Session, school: School, gates: list[Device], rollout: Rollout, store: FolderStore
) -> None:
    service.withdraw(session, "1.1.0", now=NOW)

    assert offered_to(session, gates, NOW) == []
    assert queries.newest(session) is None
    with pytest.raises(NotFound):
        service.content_of(session, store, "1.1.0", 0, 10)


def test_the_newest_is_by_number_not_by_spelling(session: Session, store: FolderStore) -> None:
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        service.publish(session, store, a_release(version), KEYS, now=NOW)

    newest = queries.newest(session)

    assert newest is not None
    assert newest.version == "1.10.0"


PART = Part("a", 0, "active", online=True, changed_at=NOW)


@pytest.mark.parametrize(
    ("parts", "stage"),
    [
        ([], 0),
        ([PART], 0),
        ([PART, replace(PART, stage=1, state="waiting")], 1),
        ([replace(PART, state="installing"), replace(PART, stage=1)], 0),
        ([replace(PART, state="waiting", online=False), replace(PART, stage=1)], 0),
        ([replace(PART, state="rolled_back"), PART, replace(PART, stage=2)], 2),
        ([replace(PART, changed_at=NOW + REST), replace(PART, stage=1)], 0),
    ],
)
def test_a_stage_opens_when_the_one_before_has_shown_that_it_works(
    parts: list[Part], stage: int
) -> None:
    assert rules.open_stage(parts, now=NOW + REST) == stage


@pytest.mark.parametrize(
    ("count", "canaries", "sizes"),
    [(1, [], [1, 0, 0]), (2, [], [1, 1, 0]), (9, ["d3", "d4"], [2, 2, 5]), (6, [], [1, 2, 3])],
)
def test_the_stages_of_a_school(count: int, canaries: list[str], sizes: list[int]) -> None:
    stages = rules.stages([f"d{number}" for number in range(count)], canaries)

    assert [list(stages.values()).count(stage) for stage in range(3)] == sizes


# Over HTTP.


@pytest.fixture
def keyed(app: APIFlask, session: Session, school: School, tmp_path: Path) -> KeyedDevice:
    """The only gate of the school, for which 1.1.0 is on its way."""
    store = FolderStore(tmp_path)
    app.extensions["documents"] = store
    device = KeyedDevice(session, school)
    service.publish(session, store, RELEASE, KEYS, now=NOW)
    service.start(session, school.id, "1.1.0", [], by=None, now=NOW)
    session.commit()
    return device


def asks(app: APIFlask, device: KeyedDevice, path: str = "", **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {device.token()}"}
    method = options.pop("method", "GET")
    return app.test_client().open(
        f"/api/v1/devices/me/release{path}", method=method, headers=headers, **options
    )


def test_a_device_fetches_a_release_in_slices(app: APIFlask, keyed: KeyedDevice) -> None:
    offer = asks(app, keyed).json
    content = b""
    while len(content) < offer["size"]:
        slice_ = asks(app, keyed, f"/content?version={offer['version']}&first={len(content)}")
        assert slice_.status_code == 200
        content += slice_.data

    assert hashlib.sha256(content).hexdigest() == offer["sha256"]
    assert asks(app, keyed, f"/content?version=1.1.0&first={offer['size']}").data == b""
    assert asks(app, keyed, "/content?version=3.0.0&first=0").status_code == 404


def test_a_device_that_has_it_is_told_nothing_more(app: APIFlask, keyed: KeyedDevice) -> None:
    told = asks(app, keyed, method="POST", json={"version": "1.1.0", "state": "active"})

    assert told.status_code == 204
    assert asks(app, keyed).status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        {"version": "1.1.0", "state": "superb"},
        {"version": "1.1", "state": "active"},
        {"version": "1.1.0", "state": "refused", "reason": "Because I say so"},
        {"state": "active"},
    ],
)
def test_an_outcome_that_nobody_knows_is_refused(
    app: APIFlask, keyed: KeyedDevice, body: dict[str, str]
) -> None:
    assert asks(app, keyed, method="POST", json=body).status_code == 422


@pytest.fixture
def technician(app: APIFlask, session: Session, school: School) -> Caller:
    return a_caller_as(app, session, school, "technician")


def test_a_technician_starts_pauses_and_watches(
    session: Session, gates: list[Device], published: Release, technician: Caller
) -> None:
    started: Any = technician.post("/rollouts", {"version": "1.1.0", "canaries": [gates[2].id]})
    paused = technician.post(f"/rollouts/{started.json['id']}/steps", {"step": "pause"})

    assert (started.status_code, paused.status_code) == (201, 200)
    assert started.json["devices"][0]["device_id"] == gates[2].id
    (listed,) = technician.items("/rollouts")
    assert (listed["state"], listed["reason"], len(listed["devices"])) == ("paused", "by_hand", 6)
    (release,) = technician.items("/releases")
    assert (release["version"], release["withdrawn_at"]) == ("1.1.0", None)


@pytest.mark.parametrize("role", ["director", "inspector", "teacher"])
def test_others_start_nothing(
    app: APIFlask, session: Session, school: School, rollout: Rollout, role: str
) -> None:
    session.commit()
    caller = a_caller_as(app, session, school, role)

    assert caller.post("/rollouts", {"version": "1.1.0"}).status_code == 403
    assert caller.post(f"/rollouts/{rollout.id}/steps", {"step": "stop"}).status_code == 403


def test_a_roll_out_of_another_school_is_not_there(
    app: APIFlask, session: Session, rollout: Rollout
) -> None:
    elsewhere = a_caller_as(app, session, a_school(session), "technician")

    assert elsewhere.items("/rollouts") == []
    assert elsewhere.post(f"/rollouts/{rollout.id}/steps", {"step": "stop"}).status_code == 404
