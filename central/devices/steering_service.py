"""What gates are to be told: configuration, orders, and that their roster is out of date.

Rows say what is still to be told, so nothing is forgotten while the broker is away, and a process
that only publishes need not know why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from central.devices.link_models import Command, RosterState
from central.devices.models import Device
from central.devices.roster_queries import roster_of
from central.devices.steering_rules import changed, wire_id
from central.errors import Conflict, NotFound
from central.schools.queries import today_at
from contracts import control, topics

MOST_SCHOOLS: Final = 20  # at once: their news are few, and the next look comes in a second

_SCHOOLS = text("SELECT school_id FROM schools_with_news_for_gates(:most)")
_GIVE_UP = text("""
    UPDATE commands SET answered_at = :now, ok = false, error = 'expired'
    WHERE school_id = :school_id AND sent_at IS NULL AND answered_at IS NULL
        AND expires_at <= :now
""")


@dataclass(frozen=True, slots=True)
class News:
    """A message for a gate. ``until`` is when it is no longer worth delivering; None: kept."""

    device_id: str
    topic: str
    payload: bytes
    until: datetime | None = None
    command_id: int | None = None
    desired_version: int | None = None
    roster_version: str | None = None


def order(
    session: Session,
    device: Device,
    name: str,
    args: Mapping[str, Any],
    *,
    by: int,
    until: datetime,
) -> Command:
    """Have ``device`` carry out ``name`` before ``until``. Raises Conflict for a revoked one."""
    if device.revoked_at is not None or device.kind != "gate":
        raise Conflict("this device takes no orders")
    command = Command(
        school_id=device.school_id,
        device_id=device.id,
        name=name,
        args=dict(args),
        requested_by=by,
        expires_at=until,
    )
    session.add(command)
    session.flush()
    return command


def configure(session: Session, school_id: int, device_id: str, changes: Mapping[str, Any]) -> int:
    """Have the device run with ``changes``; None gives a key back to it. Returns the version.

    What the device refuses, and why, it reports. Raises NotFound.
    """
    found = session.execute(
        select(Device.desired, Device.desired_version)
        .where(Device.school_id == school_id, Device.id == device_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if found is None:
        raise NotFound(f"device {device_id}")
    desired = changed(found.desired, changes)
    if desired == found.desired:
        return int(found.desired_version)
    session.execute(
        update(Device)
        .where(Device.school_id == school_id, Device.id == device_id)
        .values(desired=desired, desired_version=found.desired_version + 1)
    )
    return int(found.desired_version) + 1


def schools_with_news(session: Session) -> list[int]:
    """A few schools whose gates are to be told something. Needs none to be entered."""
    return list(session.scalars(_SCHOOLS, {"most": MOST_SCHOOLS}))


def news_for_gates(session: Session, school_id: int, *, now: datetime) -> list[News]:
    """All that the gates of this school are to be told; it stays to be told until ``told``."""
    version = _current_roster(session, school_id, now)
    session.execute(_GIVE_UP, {"school_id": school_id, "now": now})
    devices = session.execute(
        select(
            *(Device.id, Device.desired, Device.desired_version, Device.desired_told),
            Device.roster_told,
        )
        .where(Device.school_id == school_id, Device.kind == "gate", Device.revoked_at.is_(None))
        .order_by(Device.id)
    ).all()
    news: list[News] = []
    for device in devices:
        if version is not None and device.roster_told != version:
            news.append(_of_roster(device.id, version))
        if device.desired_told != device.desired_version:
            news.append(_of_configuration(device.id, device.desired_version, device.desired))
    return news + _orders(session, school_id, [device.id for device in devices])


def told(session: Session, school_id: int, news: Sequence[News], *, now: datetime) -> None:
    """The broker has these. What changed meanwhile is still to be told."""
    for one in news:
        here = (Device.school_id == school_id, Device.id == one.device_id)
        if one.command_id is not None:
            session.execute(
                update(Command)
                .where(Command.school_id == school_id, Command.id == one.command_id)
                .values(sent_at=now)
            )
        elif one.desired_version is not None:
            session.execute(update(Device).where(*here).values(desired_told=one.desired_version))
        else:
            session.execute(update(Device).where(*here).values(roster_told=one.roster_version))


def _current_roster(session: Session, school_id: int, now: datetime) -> str | None:
    """The roster's version, computed anew if a card or a student, or the date, has changed.

    The count is read before the cards: a change that is committed in between is seen the next time.
    """
    state = session.execute(
        select(
            *(RosterState.changes, RosterState.built_changes, RosterState.built_on),
            RosterState.version,
        )
        .where(RosterState.school_id == school_id)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if state is None:  # no card yet, or one is being changed: then soon
        return None
    today = today_at(session, school_id, now=now)
    if (state.built_changes, state.built_on) == (state.changes, today):
        return str(state.version)
    version = roster_of(session, school_id, today).version
    session.execute(
        update(RosterState)
        .where(RosterState.school_id == school_id)
        .values(built_changes=state.changes, built_on=today, version=version)
    )
    return version


def _of_roster(device_id: str, version: str) -> News:
    payload = control.RosterNotice(version).to_json()
    return News(device_id, topics.roster(device_id), payload, roster_version=version)


def _of_configuration(device_id: str, version: int, config: Mapping[str, Any]) -> News:
    payload = control.Desired(version, config).to_json()
    return News(device_id, topics.desired(device_id), payload, desired_version=version)


def _orders(session: Session, school_id: int, device_ids: Sequence[str]) -> list[News]:
    waiting: Iterable[Command] = session.scalars(
        select(Command)
        .where(
            Command.school_id == school_id,
            Command.device_id.in_(device_ids),
            Command.sent_at.is_(None),
            Command.answered_at.is_(None),
        )
        .order_by(Command.id)
    )
    return [
        News(
            command.device_id,
            topics.command(command.device_id),
            control.Command(
                wire_id(command.id), command.name, command.args, command.expires_at
            ).to_json(),
            until=command.expires_at,
            command_id=command.id,
        )
        for command in waiting
    ]


def lifetime(news: News, *, now: datetime) -> timedelta | None:
    """How long the broker may keep a message for a gate that is away; None: until the next one."""
    return None if news.until is None else max(timedelta(0), news.until - now)
