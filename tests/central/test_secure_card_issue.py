"""Issuing a secure card: whose it is, and that a chip encoded so is believed."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.models import AuditEntry
from central.attendance.models import Tap
from central.cards.secure_service import (
    Encoding,
    NewSecureCard,
    issue_secure_card,
    take_uid_cards,
)
from central.cli import cli
from central.errors import Conflict, NotFound
from central.models import Card, School, Student
from central.settings import Settings
from contracts.messages import Card as CardRead
from contracts.sun import sun_digest
from emulators.nfc.ntag424 import Ntag424
from tests.builders import MORNING, a_school
from tests.central.recording import SessionAs
from tests.central.secure import (
    DOMAIN,
    KEYS,
    SITE_KEY,
    SecureSchool,
    a_secure_school,
    what_it_says,
)

OTHER = bytes.fromhex("04ffeeddccbbaa")


@pytest.fixture
def school(session: Session, session_as: SessionAs) -> SecureSchool:
    return a_secure_school(session, session_as)


def issued(session: Session, school: SecureSchool, *, uid: bytes = OTHER) -> Encoding:
    new = NewSecureCard(school.student_id, uid, DOMAIN, "0042S")
    made = issue_secure_card(session, school.place.school.id, new, KEYS, None, now=MORNING)
    session.commit()
    return made


def test_a_chip_encoded_as_told_makes_its_students_day(
    session: Session, school: SecureSchool
) -> None:
    made = issued(session, school)
    chip = Ntag424(OTHER, DOMAIN, (made.number_key, made.mac_key))

    school.record(school.tap(said=what_it_says(chip)))

    tap = session.scalars(select(Tap)).one()
    assert (tap.student_id, tap.counter, tap.doubt) == (school.student_id, 1, None)


def test_the_chip_fills_in_its_link_where_the_offsets_say(
    session: Session, school: SecureSchool
) -> None:
    made = issued(session, school)
    chip = Ntag424(OTHER, DOMAIN, (made.number_key, made.mac_key))
    chip.select()
    file = chip.read_ndef()

    e = file[made.picc_offset : made.picc_offset + 32].decode()
    c = file[made.mac_offset : made.mac_offset + 16].decode()

    digest = sun_digest(SITE_KEY, OTHER).hex()
    said = CardRead("sun", digest, e, c)
    assert KEYS.proven_counter(said, school.place.school.id, SITE_KEY) == 1
    assert len(chip.link()) == len(made.link)


def test_the_three_keys_differ(session: Session, school: SecureSchool) -> None:
    made = issued(session, school)

    assert len({made.change_key, made.number_key, made.mac_key}) == 3


def test_a_card_is_one_students_only(session: Session, school: SecureSchool) -> None:
    issued(session, school)

    with pytest.raises(Conflict, match="somebody's already"):
        issued(session, school)


def test_a_number_of_another_kind_of_chip_is_refused(
    session: Session, school: SecureSchool
) -> None:
    with pytest.raises(Conflict, match="7 bytes"):
        issued(session, school, uid=b"\x04\x01\x02\x03")


def test_a_student_of_another_school_gets_none(session: Session, school: SecureSchool) -> None:
    elsewhere = a_school(session)
    new = NewSecureCard(school.student_id, OTHER, DOMAIN)

    with pytest.raises(NotFound):
        issue_secure_card(session, elsewhere.id, new, KEYS, None, now=MORNING)


def test_who_issued_and_who_allowed_is_in_the_log(session: Session, school: SecureSchool) -> None:
    made = issued(session, school)
    take_uid_cards(session, school.place.school.id, allowed=True)
    session.commit()

    entries = [
        (entry.action, entry.subject)
        for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    ]
    assert ("secure_card_issued", f"card:{made.card_id}") in entries
    assert entries[-1][0] == "uid_cards_allowed"
    session.refresh(school.place.school)
    assert school.place.school.uid_cards


def test_the_command_says_what_to_write_on_the_chip(
    session: Session, settings: Settings, school: SecureSchool
) -> None:
    environment = {
        "DATABASE_URL": settings.database_url_override,
        "CARD_MASTER_KEY": bytes(range(32)).hex(),
    }
    slug = session.scalars(select(School.slug)).one()
    student = session.scalars(select(Student.id).order_by(Student.id.desc())).first()
    command = ["issue-secure-card", OTHER.hex(), "--school", slug, "--student", str(student)]

    done = CliRunner().invoke(cli, [*command, "--domain", DOMAIN], env=environment)

    assert done.exit_code == 0, done.output
    assert f"https://{DOMAIN}/t?e=0000" in done.output
    assert KEYS.card_key(school.place.school.id, OTHER).hex() in done.output
    digest = sun_digest(SITE_KEY, OTHER)
    assert session.scalars(select(Card.kind).where(Card.digest == digest)).one() == "sun"


@pytest.mark.parametrize(("answer", "allowed"), [("allow", True), ("refuse", False)])
def test_the_command_lets_a_school_take_plain_numbers(
    session: Session, settings: Settings, school: SecureSchool, answer: str, *, allowed: bool
) -> None:
    school.place.school.uid_cards = not allowed
    session.commit()
    environment = {"DATABASE_URL": settings.database_url_override}

    done = CliRunner().invoke(
        cli, ["uid-cards", answer, "--school", school.place.school.slug], env=environment
    )

    assert done.exit_code == 0, done.output
    session.refresh(school.place.school)
    assert school.place.school.uid_cards is allowed


def test_without_a_master_key_no_secure_card_is_issued(
    settings: Settings, school: SecureSchool
) -> None:
    command = ["issue-secure-card", OTHER.hex(), "--school", "x", "--student", "1"]

    done = CliRunner().invoke(
        cli,
        [*command, "--domain", DOMAIN],
        env={"DATABASE_URL": settings.database_url_override, "CARD_MASTER_KEY": ""},
    )

    assert done.exit_code == 1
    assert "CARD_MASTER_KEY" in done.output
