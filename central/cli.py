"""Commands for whoever runs an installation: ``python -m central.cli COMMAND``.

They act as the owner of the database, so they belong on the server and not in the web process.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from central import cli_cards, cli_gates, cli_releases
from central.accounts.models import ROLES
from central.accounts.passwords import hash_password
from central.attendance.rebuild import pieces, rebuild
from central.cards.keys import CardKeys
from central.demo.files import (
    TOKEN_DOMAIN,
    DemoPlaces,
    kept_secret,
    write_files,
    write_private,
)
from central.demo.office import record_office
from central.demo.school import demo_school, make_school
from central.demo.secure_cards import issue_demo_secure_cards
from central.demo.service import record_history
from central.demo.staff_cards import issue_demo_staff_cards
from central.errors import DomainError
from central.media.photo_keys import photo_keys
from central.schools.models import School
from central.schools.service import add_member, add_school
from central.settings import Settings, SettingsError

MIGRATIONS = Path(__file__).parent.parent / "migrations" / "alembic.ini"


@contextmanager
def owner_session() -> Iterator[Session]:
    """One transaction as the owner of the database, who sees every school."""
    engine = create_engine(_settings().database_url)
    try:
        with Session(engine) as session, session.begin():
            yield session
    finally:
        engine.dispose()


def _settings() -> Settings:
    try:
        return Settings.from_env(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


@click.group(help=__doc__)
@click.pass_context
def cli(context: click.Context) -> None:
    logging.basicConfig(level=logging.WARNING)
    context.obj = cli_gates.Ground(owner_session, _settings)


for _command in (*cli_cards.COMMANDS, *cli_gates.COMMANDS, *cli_releases.COMMANDS):
    cli.add_command(_command)


@cli.command()
@click.option("--revision", default="head", show_default=True)
def migrate(revision: str) -> None:
    """Bring the database to the newest schema and give the processes' roles their passwords."""
    config = Config(str(MIGRATIONS))
    config.attributes["settings"] = _settings()
    command.upgrade(config, revision)
    click.echo(f"The database is at {revision}.")


@cli.command("create-school")
@click.argument("slug")
@click.argument("name")
@click.option("--timezone", default="America/Santiago", show_default=True)
def create_school(slug: str, name: str, timezone: str) -> None:
    """Add a school. SLUG is its short name in lower case, such as los-aromos."""
    if timezone not in available_timezones():
        raise click.BadParameter(f"{timezone} is not an IANA time zone", param_hint="--timezone")
    with _refusals_told(), owner_session() as session:
        add_school(session, slug=slug, name=name, timezone=timezone)
    click.echo(
        f"School {slug} is ready. Next: create-user EMAIL NAME --school {slug} --role director"
    )


@cli.command("create-user")
@click.argument("email")
@click.argument("name")
@click.option("--school", "slug", required=True, help="The school's slug.")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.password_option(help="Asked for when not given.")
def create_user(email: str, name: str, slug: str, role: str, password: str) -> None:
    """Let a person sign in to a school, or give an existing person another role there."""
    with _refusals_told(), owner_session() as session:
        add_member(
            session,
            slug=slug,
            email=email,
            full_name=name,
            role=role,
            password_hash=hash_password(password),
        )
    click.echo(f"{email} is {role} of {slug}.")


@cli.command("rebuild-days")
@click.option("--school", "slug", required=True, help="The school's slug.")
@click.option("--year", type=click.IntRange(2000, 2100), required=True)
def rebuild_days(slug: str, year: int) -> None:
    """Conclude a school's attendance days of a year anew, from taps, calendar and decisions.

    Safe while the school runs, and to repeat: days that are right stay as they are.
    """
    with _refusals_told(), owner_session() as session:
        school_id, spans = pieces(session, slug, year)
    concluded = changed = 0
    for number, span in enumerate(spans, start=1):
        with owner_session() as session:
            piece = rebuild(session, school_id, span)
        concluded, changed = concluded + piece.days, changed + piece.changed
        click.echo(
            f"{number:2}/{len(spans)}  {span.starts_on} to {span.ends_on}:"
            f" {piece.days} days, {piece.changed} changed"
        )
    click.echo(f"{concluded} days concluded; {changed} are other than before.")


@cli.command("seed-demo")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for files.")
@click.option("--run", type=click.Path(path_type=Path), help="Short folder for sockets.")
@click.option("--broker", default="localhost:8883", show_default=True, metavar="HOST:PORT")
@click.option("--gates-port", default=8091, show_default=True, help="Port of the emulated gates.")
@click.option("--web", metavar="URL", help="Where the gates fetch their roster.")
@click.option("--screen-port", type=int, help="Port of the first gate's screen.")
@click.option("--evacuation-port", type=int, help="Port of the first gate's list of who is inside.")
def seed_demo(out: Path, run: Path | None, broker: str, **addresses: Any) -> None:
    """Make the demo school once, and write the files with which its gates run."""
    if not _settings().development:
        raise click.ClickException("APP_ENV: the demo school exists in development only")
    host, _, port = broker.rpartition(":")
    places = DemoPlaces(out.resolve(), (run or out).resolve(), host, int(port), **addresses)
    password = kept_secret(places.out / "demo.password", make=lambda: secrets.token_urlsafe(9))
    with owner_session() as session:
        school = demo_school(session)
        if school is None:
            school = _new_demo_school(session, places, password)
        keys = CardKeys.from_setting(_settings().card_master_key)
        write_files(session, school.id, places, password, keys)
    click.echo(f"The demo school is ready; its accounts are in {places.out / 'accounts.json'}.")


def _new_demo_school(session: Session, places: DemoPlaces, password: str) -> School:
    now = datetime.now(UTC)
    zone = ZoneInfo("America/Santiago")
    box_key = bytes.fromhex(kept_secret(places.out / "cards.key"))
    click.echo("Making the demo school: 600 students, 900 guardians, six weeks of history …")
    school = make_school(session, box_key, hash_password(password), on=now.astimezone(zone).date())
    school.photo_key = photo_keys(_settings()).current
    record_history(session, school.id, zone, now=now)
    record_office(session, school.id, zone, now=now)
    keys = CardKeys.from_setting(_settings().card_master_key)
    if keys is not None:
        issue_demo_secure_cards(session, school.id, box_key, keys, domain=TOKEN_DOMAIN, now=now)
    pin = issue_demo_staff_cards(session, school.id, box_key, now=now)
    write_private(places.out / "evacuation.pin", pin)
    return school


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        raise click.ClickException(error.detail) from error


if __name__ == "__main__":
    cli()
