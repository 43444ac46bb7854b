"""Publishing a release, and bringing it to the gates of a school without fear.

Which devices may have a version now is worked out whenever one of them asks; nothing has to run for
a stage to open. A device that reports a failure stops the spreading at once.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central import events
from central.accounts.service import record
from central.devices.models import Device
from central.errors import Busy, Conflict, NotFound
from central.media.store import Store, StoreUnavailable
from central.releases import rules
from central.releases.models import Release, Rollout, RolloutDevice
from central.releases.queries import parts_of, unfinished
from central.releases.signatures import signed_by
from contracts.releases import ReleaseRefused, open_release

MEDIA_TYPE = "application/zip"
_SAID = {"pause": "paused_rollout", "resume": "resumed_rollout", "stop": "stopped_rollout"}


def publish(
    session: Session, store: Store, content: bytes, keys: Sequence[str], *, now: datetime
) -> Release:
    """Keep a release, so that it can be rolled out. The same file again changes nothing.

    Raises Conflict for one that gates would refuse, or for another file of a version that is known.
    """
    try:
        release = open_release(io.BytesIO(content), signed_by(keys))
        for name in release.manifest.files:
            release.read(name)
    except ReleaseRefused as refused:
        raise Conflict(f"gates would refuse this release: {refused}") from refused
    version, digest = str(release.manifest.version), hashlib.sha256(content).hexdigest()
    known = session.get(Release, version)
    if known is not None and known.sha256 != digest:
        raise Conflict(f"{version} is published already, and is another file; versions grow")
    key = f"releases/{version}-{digest[:16]}.zip"
    _put(store, key, content)
    if known is not None:
        return known
    added = Release(
        version=version, sha256=digest, size=len(content), store_key=key, published_at=now
    )
    session.add(added)
    session.flush()
    return added


def withdraw(session: Session, version: str, *, now: datetime) -> None:
    """Give the version to nobody any more; who has it keeps it. Raises NotFound."""
    release = session.get(Release, version)
    if release is None:
        raise NotFound(f"release {version}")
    release.withdrawn_at = release.withdrawn_at or now
    session.flush()


def start(
    session: Session,
    school_id: int,
    version: str,
    canaries: Collection[str],
    *,
    by: int | None,
    now: datetime,
) -> Rollout:
    """Begin to bring ``version`` to the school's gates, ``canaries`` first.

    Raises NotFound for an unknown version or canary, Conflict while another roll-out is unfinished
    or where there is no gate.
    """
    release = session.get(Release, version)
    if release is None or release.withdrawn_at is not None:
        raise NotFound(f"release {version}")
    if session.scalars(unfinished(school_id)).first() is not None:
        raise Conflict("another roll-out is not finished: stop it first")
    versions = _gates(session, school_id)
    if not versions:
        raise Conflict("the school has no gate")
    strangers = set(canaries) - set(versions)
    if strangers:
        raise NotFound(f"device {min(strangers)}")
    rollout = Rollout(
        school_id=school_id, version=version, started_by=by, started_at=now, changed_at=now
    )
    session.add(rollout)
    session.flush()
    session.add_all(
        RolloutDevice(
            school_id=school_id,
            rollout_id=rollout.id,
            device_id=device_id,
            stage=stage,
            state="active" if versions[device_id] == version else "waiting",
            changed_at=now,
        )
        for device_id, stage in rules.stages(versions, canaries).items()
    )
    session.flush()
    _told(session, rollout, "started_rollout", by=by)
    return rollout


def step(
    session: Session, school_id: int, rollout_id: int, name: str, *, by: int | None, now: datetime
) -> Rollout:
    """``pause``, ``resume`` or ``stop`` a roll-out. What is installed stays.

    Resuming asks devices once more that refused the file, which may have been damaged on its way;
    one that went back to the version before is not asked. Raises NotFound, and Conflict where the
    step makes no sense.
    """
    rollout = session.scalars(
        select(Rollout)
        .where(Rollout.school_id == school_id, Rollout.id == rollout_id)
        .with_for_update()
    ).one_or_none()
    if rollout is None:
        raise NotFound(f"rollout {rollout_id}")
    after = rules.state_after(rollout.state, name)
    if after is None:
        raise Conflict(f"a roll-out that is {rollout.state} cannot {name}")
    rollout.state = after
    rollout.reason = "by_hand" if after == "paused" else None
    rollout.changed_at = now
    session.flush()
    if name == "resume":
        session.execute(
            update(RolloutDevice)
            .where(
                RolloutDevice.school_id == school_id,
                RolloutDevice.rollout_id == rollout_id,
                RolloutDevice.state == "refused",
            )
            .values(state="waiting", reason=None, changed_at=now)
        )
    _told(session, rollout, _SAID[name], by=by)
    return rollout


def offered(session: Session, school_id: int, device_id: str, *, now: datetime) -> Release | None:
    """The release that this device should fetch now, if any. Asking again gives the same."""
    rollout = session.scalars(unfinished(school_id)).one_or_none()
    if rollout is None or rollout.state != "running":
        return None
    parts = parts_of(session, rollout)
    part = next((one for one in parts if one.device_id == device_id), None)
    if part is None or part.state == "active" or not rules.may_have(part, parts, now=now):
        return None
    release = session.get(Release, rollout.version)
    if release is None or release.withdrawn_at is not None:
        return None
    if part.state == "waiting":
        _note(session, rollout, device_id, "offered", None, now)
    return release


def report(
    session: Session,
    school_id: int,
    device_id: str,
    version: str,
    outcome: tuple[str, str | None],
    *,
    now: datetime,
) -> None:
    """A device says how an update stands: ``(state, reason)`` of ``contracts.releases.STATES``.

    A failure pauses the roll-out. Repeating changes nothing; what is about another version is of
    no interest any more.
    """
    rollout = session.scalars(unfinished(school_id).with_for_update()).one_or_none()
    if rollout is None or rollout.version != version:
        return
    part = next((one for one in parts_of(session, rollout) if one.device_id == device_id), None)
    state, reason = outcome
    if part is None or part.state == state:
        return
    _note(session, rollout, device_id, state, reason, now)
    if state in rules.FAILED and rollout.state == "running":
        rollout.state, rollout.reason, rollout.changed_at = "paused", reason or state, now
        _told(session, rollout, "paused_rollout", by=None, detail=f"{device_id}: {reason}")
    elif rules.is_done(parts_of(session, rollout)):
        rollout.state, rollout.reason, rollout.changed_at = "done", None, now
        _told(session, rollout, "finished_rollout", by=None)
    session.flush()


def content_of(session: Session, store: Store, version: str, first: int, most: int) -> bytes:
    """A slice of a release from byte ``first`` on; nothing beyond its end.

    Raises NotFound, and Busy when the store does not answer.
    """
    release = session.get(Release, version)
    if release is None or release.withdrawn_at is not None:
        raise NotFound(f"release {version}")
    try:
        return store.part(release.store_key, first, min(most, release.size - first))
    except StoreUnavailable as error:
        raise Busy("the store does not answer") from error


def whole_content(store: Store, release: Release) -> bytes:
    """Raises Busy when the store does not answer."""
    try:
        return store.get(release.store_key)
    except StoreUnavailable as error:
        raise Busy("the store does not answer") from error


def _put(store: Store, key: str, content: bytes) -> None:
    try:
        store.put(key, content, MEDIA_TYPE)
    except StoreUnavailable as error:
        raise Busy("the store does not answer") from error


def _gates(session: Session, school_id: int) -> dict[str, str | None]:
    """The gates that can be updated -> the version that they run."""
    rows = session.execute(
        select(Device.id, Device.version).where(
            Device.school_id == school_id, Device.kind == "gate", Device.revoked_at.is_(None)
        )
    )
    return {row.id: row.version for row in rows}


def _note(
    session: Session,
    rollout: Rollout,
    device_id: str,
    state: str,
    reason: str | None,
    now: datetime,
) -> None:
    session.execute(
        update(RolloutDevice)
        .where(
            RolloutDevice.school_id == rollout.school_id,
            RolloutDevice.rollout_id == rollout.id,
            RolloutDevice.device_id == device_id,
        )
        .values(state=state, reason=reason, changed_at=now)
    )
    events.announce(session, [(rollout.school_id, events.DEVICES)])


def _told(
    session: Session, rollout: Rollout, action: str, *, by: int | None, detail: str = ""
) -> None:
    said = {"version": rollout.version} | ({"because": detail} if detail else {})
    record(session, rollout.school_id, by, action, f"rollout:{rollout.id}", said)
    events.announce(session, [(rollout.school_id, events.DEVICES)])
