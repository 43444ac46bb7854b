"""When missing students may be told, as a table, and that doubt never tells anybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.no_shows.rules import (
    SETTLE,
    CourseCount,
    DeviceNow,
    Policy,
    Scene,
    has_caught_up,
    is_out,
    judge,
)

BELL = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)
DUE = BELL + timedelta(minutes=15)
OPENED = BELL - timedelta(hours=1)
NORTH, SOUTH = 1, 2
FIRST, SECOND = 10, 20


def a_minute(number: float) -> timedelta:
    return timedelta(minutes=number)


def a_device(gate: int = NORTH, **changes: Any) -> DeviceNow:
    """A device that has been well all morning and was heard of half a minute ago."""
    device = DeviceNow(
        device_id=f"gate-{gate}",
        gate_id=gate,
        gate=f"Puerta {gate}",
        online=True,
        status_at=OPENED,
        last_tap_at=DUE - a_minute(2),
        health_at=DUE - a_minute(0.5),
        backlog=0,
    )
    return device._replace(**changes)


def a_scene(*devices: DeviceNow, **changes: Any) -> Scene:
    """Two courses of 30 of which one student each is missing."""
    scene = Scene(
        policy=Policy(a_minute(15)),
        due_at=DUE,
        courses={FIRST: CourseCount(30, 1), SECOND: CourseCount(30, 1)},
        devices=devices or (a_device(NORTH), a_device(SOUTH)),
        serving={},
    )
    return replace(scene, **changes)


def codes(scene: Scene, now: datetime = DUE) -> list[str]:
    return [reason["code"] for reason in judge(scene, now).reasons]


def test_when_all_is_well_the_missing_are_told() -> None:
    verdict = judge(a_scene(), DUE)

    assert verdict.safe == {FIRST, SECOND}
    assert verdict.held == frozenset()
    assert verdict.reasons == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"online": False}, "gate_offline"),
        ({"online": False, "backlog": 5}, "gate_offline"),
        ({"health_at": None, "last_tap_at": DUE - a_minute(11)}, "gate_silent"),
        ({"health_at": DUE - a_minute(11), "last_tap_at": None}, "gate_silent"),
        ({"health_at": DUE - a_minute(10), "last_tap_at": None}, None),
        ({"backlog": 1}, "gate_backlog"),
        ({"missing_taps": 3}, "gate_holes"),
        ({"status_at": DUE - a_minute(2), "health_at": DUE - a_minute(2)}, "gate_catching_up"),
        ({"status_at": DUE - a_minute(2), "health_at": DUE - a_minute(1)}, None),
        ({"status_at": DUE - a_minute(2), "health_at": None}, "gate_catching_up"),
        ({"status_at": DUE - a_minute(4), "health_at": None}, None),
        (
            {"out_since": BELL, "status_at": DUE - a_minute(1), "health_at": None},
            "gate_catching_up",
        ),
        ({"status_at": None, "last_tap_at": None, "health_at": None, "online": False}, None),
    ],
)
def test_a_gate_in_doubt_holds_its_courses(changes: dict[str, Any], code: str | None) -> None:
    scene = a_scene(a_device(NORTH, **changes), a_device(SOUTH))

    verdict = judge(scene, DUE)

    assert codes(scene) == ([code] if code else [])
    assert verdict.held == ({FIRST, SECOND} if code else frozenset())


def test_a_gate_in_doubt_holds_only_the_courses_that_it_serves() -> None:
    serving = {FIRST: frozenset({NORTH}), SECOND: frozenset({SOUTH})}
    scene = a_scene(a_device(NORTH, online=False), a_device(SOUTH), serving=serving)

    verdict = judge(scene, DUE)

    assert verdict.safe == {SECOND}
    assert verdict.held == {FIRST}
    assert verdict.reasons[0]["courses"] == [FIRST]


def test_a_course_that_no_gate_is_named_for_is_served_by_all() -> None:
    serving = {FIRST: frozenset({SOUTH})}
    scene = a_scene(a_device(NORTH, online=False), a_device(SOUTH), serving=serving)

    assert judge(scene, DUE).held == {SECOND}


def test_several_devices_of_a_gate_are_one_reason() -> None:
    devices = [a_device(NORTH, device_id=name, online=False) for name in ("a", "b")]

    assert codes(a_scene(*devices)) == ["gate_offline"]


@pytest.mark.parametrize(
    ("missing", "held"), [((8, 7), False), ((8, 8), True), ((16, 0), True), ((0, 15), False)]
)
def test_too_many_missing_are_told_by_a_person(missing: tuple[int, int], held: bool) -> None:
    first, second = missing
    courses = {FIRST: CourseCount(30, first), SECOND: CourseCount(30, second)}

    assert ("many_absent" in codes(a_scene(courses=courses))) is held


@pytest.mark.parametrize(("size", "held"), [(4, False), (5, True)])
def test_a_course_of_which_nobody_came_is_looked_at_first(size: int, held: bool) -> None:
    courses = {FIRST: CourseCount(size, size), SECOND: CourseCount(300, 1)}

    verdict = judge(a_scene(courses=courses), DUE)

    assert (FIRST in verdict.held) is held
    assert SECOND in verdict.safe


def test_a_check_that_comes_hours_late_is_looked_at_first() -> None:
    fresh = DUE + a_minute(121)
    devices = [a_device(gate, health_at=fresh) for gate in (NORTH, SOUTH)]

    assert codes(a_scene(*devices), fresh) == ["check_late"]


def test_nobody_missing_leaves_nothing_to_decide() -> None:
    courses = {FIRST: CourseCount(30, 0)}
    verdict = judge(a_scene(a_device(online=False), courses=courses), DUE)

    assert (verdict.safe, verdict.held, verdict.reasons) == (frozenset(), frozenset(), ())


def test_silence_puts_a_gate_out_only_if_it_reports_its_health() -> None:
    quiet = a_device(health_at=None, last_tap_at=DUE - a_minute(30))

    assert not is_out(quiet, a_minute(10), DUE)
    assert is_out(quiet._replace(health_at=DUE - a_minute(20)), a_minute(10), DUE)


moments = st.none() | st.integers(-5400, 5).map(lambda seconds: DUE + timedelta(seconds=seconds))
devices = st.builds(
    DeviceNow,
    device_id=st.sampled_from(["a", "b", "c"]),
    gate_id=st.sampled_from([NORTH, SOUTH]),
    gate=st.just("Puerta"),
    online=st.booleans(),
    status_at=moments,
    last_tap_at=moments,
    health_at=moments,
    backlog=st.none() | st.integers(0, 3),
    missing_taps=st.integers(0, 2),
    out_since=moments,
)
counts = st.integers(1, 40).flatmap(
    lambda expected: st.builds(CourseCount, st.just(expected), st.integers(0, expected))
)
scenes = st.builds(
    Scene,
    policy=st.just(Policy(a_minute(15))),
    due_at=st.just(DUE),
    courses=st.dictionaries(st.sampled_from([FIRST, SECOND, 30]), counts, max_size=3),
    devices=st.lists(devices, max_size=4).map(tuple),
    serving=st.dictionaries(
        st.sampled_from([FIRST, SECOND]),
        st.frozensets(st.sampled_from([NORTH, SOUTH]), min_size=1),
    ),
)


@given(scenes)
def test_whoever_is_told_was_in_sight_of_every_gate_of_the_course(scene: Scene) -> None:
    verdict = judge(scene, DUE)

    for course in verdict.safe:
        serving = scene.serving.get(course)
        for device in scene.devices:
            if not device.in_use or (serving is not None and device.gate_id not in serving):
                continue
            assert device.online
            assert not device.backlog
            assert not device.missing_taps
            assert device.heard_at is not None
            assert DUE - device.heard_at <= scene.policy.silent_after
            if device.out_since is not None or DUE - device.status_at < SETTLE:  # type: ignore[operator]
                assert has_caught_up(device, DUE)


@given(scenes)
def test_every_course_that_misses_somebody_is_told_or_held_and_never_both(scene: Scene) -> None:
    verdict = judge(scene, DUE)

    missing = {course for course, count in scene.courses.items() if count.missing}
    assert verdict.safe | verdict.held == missing
    assert not verdict.safe & verdict.held
    assert bool(verdict.held) == bool(verdict.reasons)


@given(scenes, devices)
def test_one_more_gate_in_doubt_never_tells_more(scene: Scene, device: DeviceNow) -> None:
    more = replace(scene, devices=(*scene.devices, device))

    assert judge(more, DUE).safe <= judge(scene, DUE).safe
