"""Commands about gates' devices and the authority that signs for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.devices.models import Device
from central.devices.registration_service import DIRECTIONS, KINDS, gate_named, register
from central.errors import DomainError, NotFound
from central.identity import authority_service, enrolment_service, queries, revocation_service
from central.identity.sealing import Safe
from central.schools.models import School
from central.settings import Settings


@dataclass(frozen=True)
class Ground:
    """What commands stand on: a transaction of the owner, and the settings."""

    session: Callable[[], AbstractContextManager[Session]]
    settings: Callable[[], Settings]

    def safe(self) -> Safe:
        return Safe(self.settings().identity_secret)


@click.command("create-device")
@click.argument("device")
@click.option("--school", "slug", required=True, help="The school's slug.")
@click.option("--gate", required=True, help="The gate's name; added if there is none.")
@click.option("--kind", type=click.Choice(KINDS), default="gate", show_default=True)
@click.option("--direction", type=click.Choice(DIRECTIONS), default="auto", show_default=True)
@click.pass_obj
def create_device(
    ground: Ground, device: str, slug: str, gate: str, kind: str, direction: str
) -> None:
    """Register a device at a gate. Next: issue-code DEVICE."""
    with _refusals_told(), ground.session() as session:
        school_id = session.scalar(select(School.id).where(School.slug == slug))
        if school_id is None:
            raise NotFound(f"school: {slug!r} does not exist; make it with create-school")
        place = gate_named(session, school_id, gate)
        register(session, place, device, kind=kind, direction=direction, by=None)
    click.echo(f"{device} is registered at {gate}. Next: issue-code {device}")


@click.command("issue-code")
@click.argument("device")
@click.option("--out", type=click.Path(path_type=Path), help="A file for it (mode 600).")
@click.pass_obj
def issue_code(ground: Ground, device: str, out: Path | None) -> None:
    """Make a code with which DEVICE is enrolled, once and within the hour."""
    with _refusals_told(), ground.session() as session:
        issued = enrolment_service.issue_code(
            session, _device(session, device), by=None, now=datetime.now(UTC)
        )
    if out is None:
        click.echo(issued.code)
        return
    out.touch(mode=0o600)
    out.write_text(issued.code + "\n")


@click.command("revoke-device")
@click.argument("device")
@click.option("--reason", required=True, help="For the audit log.")
@click.pass_obj
def revoke_device(ground: Ground, device: str, reason: str) -> None:
    """Put DEVICE out of action; its gate is mute within seconds."""
    with _refusals_told(), ground.session() as session:
        found = _device(session, device)
        revocation_service.revoke(session, found, by=None, reason=reason, now=datetime.now(UTC))
    click.echo(f"{device} is revoked.")


@click.command("restore-device")
@click.argument("device")
@click.pass_obj
def restore_device(ground: Ground, device: str) -> None:
    """Take the revocation of DEVICE back."""
    with _refusals_told(), ground.session() as session:
        revocation_service.restore(session, _device(session, device), by=None)
    click.echo(f"{device} may speak again; if it has learned of the revocation, it needs a code.")


@click.command("authority")
@click.argument("step", type=click.Choice(("status", *authority_service.STEPS)))
@click.option("--force", is_flag=True, help="Though gates have not followed; they need new codes.")
@click.pass_obj
def authority(ground: Ground, step: str, force: bool) -> None:
    """Replace the authority that signs for gates: begin, switch, finish; see docs/identity.md."""
    with _refusals_told(), ground.session() as session:
        before = queries.rotation(session)
        if step == "begin":
            authority_service.begin_rotation(session, ground.safe(), now=datetime.now(UTC))
        elif step == "switch":
            _all_followed(before.trusting, before.devices, force)
            authority_service.switch_rotation(session)
        elif step == "finish":
            _all_followed(before.renewed, before.devices, force)
            authority_service.finish_rotation(session)
        after = queries.rotation(session)
    for number, state, created_at in after.states:
        click.echo(f"authority {number}: {state}, made {created_at:%Y-%m-%d}")
    click.echo(
        f"{after.devices} gates: {after.trusting} hold the authorities of now,"
        f" {after.renewed} have a certificate of the current one"
    )


@click.command("reseal-authority")
@click.option("--former", prompt="The secret of before", hide_input=True)
@click.pass_obj
def reseal_authority(ground: Ground, former: str) -> None:
    """After IDENTITY_KEY (or SECRET_KEY) was changed: seal the authority's keys anew."""
    with _refusals_told(), ground.session() as session:
        count = authority_service.reseal(session, Safe(former), ground.safe())
    click.echo(f"{count} keys are sealed under the secret of now.")


COMMANDS = (
    create_device,
    issue_code,
    revoke_device,
    restore_device,
    authority,
    reseal_authority,
)


def _device(session: Session, device_id: str) -> Device:
    device = session.scalars(select(Device).where(Device.id == device_id)).one_or_none()
    if device is None:
        raise NotFound(f"device: {device_id!r} does not exist; make it with create-device")
    return device


def _all_followed(followed: int, devices: int, force: bool) -> None:
    if followed < devices and not force:
        raise click.ClickException(
            f"{devices - followed} of {devices} gates have not followed yet; wait, or use --force"
        )


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        raise click.ClickException(error.detail) from error
