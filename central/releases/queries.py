"""Releases and roll-outs, for the API and for devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from central.devices.models import Device
from central.releases.models import Release, Rollout, RolloutDevice
from central.releases.rules import Part
from contracts.releases import Version


@dataclass(frozen=True, slots=True)
class DeviceShown:
    device_id: str
    stage: int
    state: str
    reason: str | None
    version: str | None  # what it says that it runs
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class RolloutShown:
    id: int
    version: str
    state: str
    reason: str | None
    started_by: int | None
    started_at: datetime
    changed_at: datetime
    devices: list[DeviceShown]


def releases(session: Session) -> list[Release]:
    """All, the newest version first."""
    found = session.scalars(select(Release)).all()
    return sorted(found, key=lambda release: Version.parse(release.version), reverse=True)


def newest(session: Session) -> Release | None:
    """The highest version that was not withdrawn."""
    return next((one for one in releases(session) if one.withdrawn_at is None), None)


def unfinished(school_id: int) -> Select[Rollout]:
    return select(Rollout).where(
        Rollout.school_id == school_id, Rollout.state.in_(("running", "paused"))
    )


def parts_of(session: Session, rollout: Rollout) -> list[Part]:
    rows = session.execute(
        select(
            *(RolloutDevice.device_id, RolloutDevice.stage, RolloutDevice.state),
            *(Device.online, RolloutDevice.changed_at),
        )
        .join(
            Device,
            (Device.school_id == RolloutDevice.school_id) & (Device.id == RolloutDevice.device_id),
        )
        .where(
            RolloutDevice.school_id == rollout.school_id,
            RolloutDevice.rollout_id == rollout.id,
            Device.revoked_at.is_(None),
        )
    )
    return [Part(*row) for row in rows]


def rollouts_before(
    session: Session, school_id: int, before: int | None, limit: int
) -> list[RolloutShown]:
    """The newest first, each with its devices."""
    query = select(Rollout).where(Rollout.school_id == school_id)
    if before is not None:
        query = query.where(Rollout.id < before)
    found = session.scalars(query.order_by(Rollout.id.desc()).limit(limit)).all()
    return shown(session, found)


def shown(session: Session, rollouts: Sequence[Rollout]) -> list[RolloutShown]:
    """These roll-outs of one school with their devices, in the same order."""
    devices: dict[int, list[DeviceShown]] = {rollout.id: [] for rollout in rollouts}
    if rollouts:
        rows = session.execute(
            select(RolloutDevice, Device.version)
            .join(
                Device,
                (Device.school_id == RolloutDevice.school_id)
                & (Device.id == RolloutDevice.device_id),
            )
            .where(
                RolloutDevice.school_id == rollouts[0].school_id,
                RolloutDevice.rollout_id.in_(devices),
            )
            .order_by(RolloutDevice.stage, RolloutDevice.device_id)
        )
        for part, version in rows:
            devices[part.rollout_id].append(
                DeviceShown(
                    part.device_id, part.stage, part.state, part.reason, version, part.changed_at
                )
            )
    return [
        RolloutShown(
            rollout.id,
            rollout.version,
            rollout.state,
            rollout.reason,
            rollout.started_by,
            rollout.started_at,
            rollout.changed_at,
            devices[rollout.id],
        )
        for rollout in rollouts
    ]
