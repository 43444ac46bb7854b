"""Commands about cards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.cards.keys import CardKeys
from central.cards.secure_service import Encoding, NewSecureCard, issue_secure_card, take_uid_cards
from central.cli_gates import Ground
from central.errors import DomainError, NotFound
from central.schools.models import School


@click.command("issue-secure-card")
@click.argument("uid")
@click.option("--school", "slug", required=True, help="The school's slug.")
@click.option("--student", type=int, required=True, help="The student's number.")
@click.option("--domain", required=True, help="Domain in the school's cards, as its gates have it.")
@click.option("--label", default="", help="What is printed on the card.")
@click.pass_obj
def issue(ground: Ground, uid: str, slug: str, student: int, domain: str, label: str) -> None:
    """Make an NTAG 424 DNA a student's, and say what is to be written on it. UID is in hex."""
    keys = CardKeys.from_setting(ground.settings().card_master_key)
    if keys is None:
        raise click.ClickException("CARD_MASTER_KEY: needed to make the keys of secure cards")
    try:
        new = NewSecureCard(student, bytes.fromhex(uid), domain, label)
    except ValueError as error:
        raise click.BadParameter("expected hex digits", param_hint="UID") from error
    with _refusals_told(), ground.session() as session:
        school_id = _school(session, slug)
        made = issue_secure_card(session, school_id, new, keys, None, now=datetime.now(UTC))
    click.echo(_for_the_encoder(made))


@click.command("uid-cards")
@click.argument("answer", type=click.Choice(("allow", "refuse")))
@click.option("--school", "slug", required=True, help="The school's slug.")
@click.pass_obj
def uid_cards(ground: Ground, answer: str, slug: str) -> None:
    """Say whether a school takes cards known by their UID alone, which anybody can copy."""
    with _refusals_told(), ground.session() as session:
        take_uid_cards(session, _school(session, slug), allowed=answer == "allow")
    word = "taken" if answer == "allow" else "refused"
    click.echo(f"{slug}: cards known by their UID alone are {word} from the next roster on.")


COMMANDS = (issue, uid_cards)


def _school(session: Session, slug: str) -> int:
    school_id = session.scalar(select(School.id).where(School.slug == slug))
    if school_id is None:
        raise NotFound(f"school: {slug!r} does not exist")
    return school_id


def _for_the_encoder(made: Encoding) -> str:
    return f"""\
Card {made.card_id}. Write on the chip, then lock its settings; keep the keys nowhere else:
  NDEF link           {made.link}
  PICC data mirror    offset {made.picc_offset} in file 2: UID and counter, by key 1
  MAC mirror          offset {made.mac_offset}, over nothing (the same input offset), by key 2
  file 2              read: free; write, change: key 0
  key 0               {made.change_key.hex()}
  key 1               {made.number_key.hex()}
  key 2               {made.mac_key.hex()}"""


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        raise click.ClickException(error.detail) from error
