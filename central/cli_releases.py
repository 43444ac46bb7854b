"""Commands about versions of the gates' software."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.cli_gates import Ground
from central.errors import DomainError, NotFound
from central.media.store import store_of
from central.releases import queries, service
from central.schools.models import School


@click.command("publish-release")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def publish_release(ground: Ground, file: Path) -> None:
    """Make a signed release (FILE, of firmware_config.build_release) known; no gate gets it yet."""
    settings = ground.settings()
    if not settings.release_keys:
        raise click.ClickException("RELEASE_KEYS: empty; name the keys that sign releases")
    with _refusals_told(), ground.session() as session:
        release = service.publish(
            session,
            store_of(settings),
            file.read_bytes(),
            settings.release_keys,
            now=datetime.now(UTC),
        )
        version = release.version
    click.echo(f"{version} is published. Next: start-rollout {version} --school SLUG")


@click.command("withdraw-release")
@click.argument("version")
@click.pass_obj
def withdraw_release(ground: Ground, version: str) -> None:
    """Give VERSION to no gate any more. Gates that have it keep it."""
    with _refusals_told(), ground.session() as session:
        service.withdraw(session, version, now=datetime.now(UTC))
    click.echo(f"{version} is withdrawn.")


@click.command("start-rollout")
@click.argument("version")
@click.option("--school", "slugs", multiple=True, help="A school's slug; may be repeated.")
@click.option("--all-schools", is_flag=True, help="Every school that has a gate.")
@click.option("--canary", "canaries", multiple=True, help="A device that goes first.")
@click.pass_obj
def start_rollout(
    ground: Ground,
    version: str,
    slugs: tuple[str, ...],
    all_schools: bool,
    canaries: tuple[str, ...],
) -> None:
    """Bring VERSION to the gates of schools, step by step. Begin with one school."""
    for slug in _schools(ground, slugs, all_schools):
        try:
            with ground.session() as session:
                school_id = _school(session, slug)
                service.start(session, school_id, version, canaries, by=None, now=datetime.now(UTC))
        except DomainError as error:
            click.echo(f"{slug}: {error.detail}")
            continue
        click.echo(f"{slug}: {version} is on its way.")


@click.command("rollouts")
@click.option("--school", "slug", required=True, help="The school's slug.")
@click.pass_obj
def rollouts(ground: Ground, slug: str) -> None:
    """How far each gate of a school came with the last versions."""
    with _refusals_told(), ground.session() as session:
        for rollout in queries.rollouts_before(session, _school(session, slug), None, 3):
            because = f" ({rollout.reason})" if rollout.reason else ""
            click.echo(f"{rollout.id}: {rollout.version} {rollout.state}{because}")
            for device in rollout.devices:
                click.echo(f"   stage {device.stage}  {device.device_id}  {device.state}")


@click.command("step-rollout")
@click.argument("step", type=click.Choice(("pause", "resume", "stop")))
@click.option("--school", "slug", required=True, help="The school's slug.")
@click.pass_obj
def step_rollout(ground: Ground, step: str, slug: str) -> None:
    """Pause, resume or stop what is on its way in a school."""
    with _refusals_told(), ground.session() as session:
        school_id = _school(session, slug)
        rollout = session.scalars(queries.unfinished(school_id)).one_or_none()
        if rollout is None:
            raise NotFound(f"{slug}: nothing is on its way")
        service.step(session, school_id, rollout.id, step, by=None, now=datetime.now(UTC))
        state = rollout.state
    click.echo(f"{slug}: {state}.")


COMMANDS = (publish_release, withdraw_release, start_rollout, rollouts, step_rollout)


def _schools(ground: Ground, slugs: tuple[str, ...], everywhere: bool) -> list[str]:
    if everywhere == bool(slugs):
        raise click.UsageError("name schools with --school, or use --all-schools")
    if slugs:
        return list(slugs)
    with ground.session() as session:
        return list(session.scalars(select(School.slug).order_by(School.id)))


def _school(session: Session, slug: str) -> int:
    school_id = session.scalar(select(School.id).where(School.slug == slug))
    if school_id is None:
        raise NotFound(f"school: {slug!r} does not exist")
    return school_id


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        raise click.ClickException(error.detail) from error
