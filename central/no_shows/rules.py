"""When a school may be told that a student is missing, and when somebody must look first.

Pure: a missing student is a fact only if every gate that could have seen them was listening. In
doubt nothing leaves; a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

DEFAULT_MOST_ABSENT_PERCENT: Final = 25
DEFAULT_SILENT_AFTER: Final = timedelta(minutes=10)
# Of a course this large somebody is always well: if nobody came they are on an excursion, or all
# of them used a door that nobody told us of.
COURSE_NEVER_EMPTY: Final = 5
# A gate that is back sends what it has kept within seconds; one that reports its health says
# itself when that is done, and for any other we wait.
SETTLE: Final = timedelta(minutes=3)
QUIET: Final = timedelta(seconds=30)
ARRIVALS_BEFORE: Final = timedelta(minutes=90)  # the start of class, from when students may come
# Who is told at noon that a child did not come at eight learns only that we did not look.
LATEST_CHECK: Final = timedelta(hours=2)

Reason = Mapping[str, Any]  # a stable "code" and what belongs to it


class Policy(NamedTuple):
    """What a school has set, or the defaults."""

    grace: timedelta
    most_absent_percent: int = DEFAULT_MOST_ABSENT_PERCENT
    silent_after: timedelta = DEFAULT_SILENT_AFTER
    ask_first: bool = False  # a person confirms each alarm, however safe


class DeviceNow(NamedTuple):
    """What central knows of one device at a gate. Times are by central's clock; None is never.

    ``status_at`` is when it, or the broker in its name, last said whether it is ``online``.
    ``missing_taps`` are those that its streams lack although later ones are here; ``backlog`` is
    what it said itself at ``health_at``.
    """

    device_id: str
    gate_id: int
    gate: str
    online: bool
    status_at: datetime | None
    last_tap_at: datetime | None
    health_at: datetime | None = None
    backlog: int | None = None
    missing_taps: int = 0
    out_since: datetime | None = None  # of the outage of its gate that is not over

    @property
    def heard_at(self) -> datetime | None:
        """When it last gave a sign of life of its own; its end is told by the broker."""
        signs = (self.status_at if self.online else None, self.last_tap_at, self.health_at)
        return max((at for at in signs if at is not None), default=None)

    @property
    def in_use(self) -> bool:
        """Whether it has ever been heard of; one still in its box hides nobody."""
        return self.status_at is not None or self.last_tap_at is not None


class CourseCount(NamedTuple):
    """Students of a course who have class at the time of the check, and those not seen."""

    expected: int
    missing: int


@dataclass(frozen=True, slots=True)
class Scene:
    """All that decides whether missing students may be told.

    ``serving`` has, by course, the gates that serve it; a course that is not in it is served by
    every gate. ``due_at`` is when the check should have looked.
    """

    policy: Policy
    due_at: datetime
    courses: Mapping[int, CourseCount]
    devices: Sequence[DeviceNow]
    serving: Mapping[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whose students may be told, whose are held, and why, for people to read."""

    safe: frozenset[int]
    held: frozenset[int]
    reasons: tuple[Reason, ...]


def judge(scene: Scene, now: datetime) -> Verdict:
    """Which courses' missing students can be told ``now`` without fear of a false alarm.

    Only courses that miss somebody are in the verdict.
    """
    concerned = {id_: count for id_, count in scene.courses.items() if count.missing}
    school = list(_of_the_school(scene, now)) if concerned else []
    reasons: list[Reason] = [*school]
    held: set[int] = set(concerned) if school else set()
    for gate_id, reason in _gates_in_trouble(scene, now).items():
        behind = {id_ for id_ in concerned if _serves(scene, gate_id, id_)}
        if behind:
            held |= behind
            reasons.append({**reason, "courses": sorted(behind)})
    for id_, count in concerned.items():
        if count.missing == count.expected >= COURSE_NEVER_EMPTY:
            held.add(id_)
            reasons.append({"code": "course_empty", "course": id_, "courses": [id_]})
    return Verdict(frozenset(set(concerned) - held), frozenset(held), tuple(reasons))


def trouble(device: DeviceNow, silent_after: timedelta, now: datetime) -> Reason | None:
    """What makes it doubtful that central holds all taps of a device; the gravest only."""
    if not device.in_use:
        return None
    about: dict[str, Any] = {"gate_id": device.gate_id, "gate": device.gate}
    heard_at = device.heard_at
    if heard_at is not None:
        about["since"] = heard_at.isoformat()
    if not device.online:
        return {"code": "gate_offline", **about}
    if heard_at is None or now - heard_at > silent_after:
        return {"code": "gate_silent", **about}
    if device.backlog:
        return {"code": "gate_backlog", **about, "taps": device.backlog}
    if device.missing_taps:
        return {"code": "gate_holes", **about, "taps": device.missing_taps}
    just_back = device.status_at is not None and now - device.status_at < SETTLE
    if (just_back or device.out_since is not None) and not has_caught_up(device, now):
        return {"code": "gate_catching_up", **about}
    return None


def has_caught_up(device: DeviceNow, now: datetime) -> bool:
    """Whether a device that is back has sent what it kept while it was away."""
    if device.status_at is None or not device.online or device.backlog or device.missing_taps:
        return False
    if device.health_at is not None and device.health_at > device.status_at + QUIET:
        return True  # it has said itself, after some time, that nothing waits
    quiet_since = max(device.status_at, device.last_tap_at or device.status_at)
    return now - device.status_at >= SETTLE and now - quiet_since >= QUIET


def is_out(device: DeviceNow, silent_after: timedelta, now: datetime) -> bool:
    """Whether taps made at the device now do not reach central.

    Silence alone says so of a device only that reports its health; at another one it may just be
    that nobody passes.
    """
    found = trouble(device, silent_after, now)
    if found is None:
        return False
    silent = found["code"] == "gate_silent" and device.health_at is not None
    return silent or found["code"] == "gate_offline"


def _of_the_school(scene: Scene, now: datetime) -> Iterable[Reason]:
    if scene.policy.ask_first:
        yield {"code": "asked_first"}
    if now - scene.due_at > LATEST_CHECK:
        yield {"code": "check_late", "since": scene.due_at.isoformat()}
    expected = sum(count.expected for count in scene.courses.values())
    missing = sum(count.missing for count in scene.courses.values())
    if missing * 100 > expected * scene.policy.most_absent_percent:
        limit = scene.policy.most_absent_percent
        yield {"code": "many_absent", "missing": missing, "expected": expected, "percent": limit}


def _gates_in_trouble(scene: Scene, now: datetime) -> dict[int, Reason]:
    """One reason a gate, though several of its devices may be in trouble."""
    found: dict[int, Reason] = {}
    for device in sorted(scene.devices, key=lambda one: one.device_id):
        reason = trouble(device, scene.policy.silent_after, now)
        if reason is not None:
            found.setdefault(device.gate_id, reason)
    return found


def _serves(scene: Scene, gate_id: int, course_id: int) -> bool:
    gates = scene.serving.get(course_id)
    return gates is None or gate_id in gates
