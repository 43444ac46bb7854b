"""The demo school: plausible, always the same, made once."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from central.cli import cli
from central.demo.calendar import demo_year, holidays
from central.demo.families import COURSES, families
from central.demo.files import DemoPlaces, write_files
from central.demo.history import past_school_days
from central.demo.school import GATES, make_school, plastic_card
from central.demo.service import record_history
from central.demo.staff_cards import issue_demo_staff_cards
from central.identity.enrolment_service import redeem
from central.models import (
    AttendanceDay,
    Card,
    Guardian,
    Membership,
    Notification,
    School,
    Student,
    Tap,
    User,
)
from central.settings import Settings
from contracts.cards import card_digest
from contracts.roster import Roster
from edge_agent.settings import Settings as AgentSettings

TODAY = date(2026, 6, 3)
BOX = bytes(32)
SANTIAGO = ZoneInfo("America/Santiago")


@pytest.fixture
def demo(session: Session) -> School:
    return make_school(session, BOX, "no-password", on=TODAY)


def run(settings: Settings, *arguments: str) -> Result:
    env = {"DATABASE_URL": settings.database_url, "APP_ENV": "development"}
    return CliRunner().invoke(cli, arguments, env=env)


def test_families_are_the_same_each_time() -> None:
    everyone = list(families())

    assert everyone == list(families())
    assert sum(len(family.children) for family in everyone) == 600
    assert sum(len(family.guardians) for family in everyone) == 900
    sizes = Counter(child.course for family in everyone for child in family.children)
    assert set(sizes) == set(range(len(COURSES)))
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_no_two_guardians_share_a_phone() -> None:
    phones = [adult.phone for family in families() for adult in family.guardians]

    assert len(phones) == len(set(phones))


def test_the_school_has_everybody_and_every_student_a_card(session: Session, demo: School) -> None:
    counts = [
        session.scalar(select(func.count()).select_from(model))
        for model in (Student, Guardian, Card, Membership)
    ]

    assert counts == [600, 900, 600, 4]


def test_history_gives_the_past_and_tells_nobody(session: Session, demo: School) -> None:
    now = datetime(2026, 6, 3, 11, tzinfo=UTC)

    record_history(session, demo.id, SANTIAGO, now=now)
    taps = session.scalar(select(func.count()).select_from(Tap))
    record_history(session, demo.id, SANTIAGO, now=now)

    assert taps is not None
    assert taps > 30_000
    assert session.scalar(select(func.count()).select_from(Tap)) == taps
    assert session.scalar(select(func.count()).select_from(Notification)) == 0
    dates = session.scalars(select(AttendanceDay.on_date).distinct())
    holidays_held = {date(2026, 5, 1), date(2026, 5, 21)}
    assert sorted(dates) == [day for day in past_school_days(TODAY) if day not in holidays_held]
    assert set(session.scalars(select(AttendanceDay.status))) == {"present", "late", "absent"}


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (
            2026,
            "01-01 04-03 04-04 05-01 05-21 06-21 06-29 07-16 08-15 09-18 09-19 10-12 10-31 11-01"
            " 12-08 12-25",
        ),
        (  # San Pedro and the 12th of October on Mondays, the 17th of September on a Friday
            2027,
            "01-01 03-26 03-27 05-01 05-21 06-21 06-28 07-16 08-15 09-17 09-18 09-19 10-11 10-31"
            " 11-01 12-08 12-25",
        ),
        (  # the Reformation's day on the Friday before
            2028,
            "01-01 04-14 04-15 05-01 05-21 06-20 06-26 07-16 08-15 09-18 09-19 10-09 10-27 11-01"
            " 12-08 12-25",
        ),
        (  # the 20th of September on a Friday
            2030,
            "01-01 04-19 04-20 05-01 05-21 06-21 06-29 07-16 08-15 09-18 09-19 09-20 10-12 10-31"
            " 11-01 12-08 12-25",
        ),
    ],
)
def test_the_holidays_are_those_of_the_law(year: int, expected: str) -> None:
    assert [day.strftime("%m-%d") for day, _ in holidays(year)] == expected.split()


@given(on=st.dates(date(2025, 1, 1), date(2030, 12, 31)))
def test_the_school_is_in_session_whenever_it_is_made(on: date) -> None:
    year = demo_year(on)

    assert all(year.span.holds(day) for day in past_school_days(on))
    assert any(term.holds(on) for term in year.terms)
    first, second = year.terms
    assert year.span == (first.starts_on, second.ends_on)
    assert first.starts_on < first.ends_on < second.starts_on < second.ends_on


def test_the_files_fit_the_agent_and_the_database(
    session: Session, demo: School, tmp_path: Path
) -> None:
    places = DemoPlaces(tmp_path, tmp_path, "127.0.0.1", 1883, 8091)
    (tmp_path / "cards.key").write_text(BOX.hex())
    issue_demo_staff_cards(session, demo.id, BOX, now=datetime.now(UTC))

    write_files(session, demo.id, places, "password")

    site_key = bytes.fromhex((tmp_path / "site.key").read_text())
    box = json.loads((tmp_path / "cards.json").read_text())
    tokens = [bytes.fromhex(card["token"]) for card in (*box["cards"], *box["staff"])]
    digests = {card_digest(site_key, token) for token in tokens}
    assert digests == set(session.scalars(select(Card.digest)))
    for device in GATES:
        _enrolled(session, places.agent(device), device)
        settings = AgentSettings.from_file(places.agent(device) / "agent.toml")
        roster = Roster.from_json((places.agent(device) / "roster.json").read_bytes())
        assert settings.device == device
        assert {bytes.fromhex(digest) for digest in roster.cards} == digests
        states = Counter(entry.state for entry in roster.cards.values())
        assert states == {"active": 600, "staff": 3, "service": 1}
    assert (tmp_path / "accounts.json").stat().st_mode & 0o077 == 0


def _enrolled(session: Session, folder: Path, device: str) -> None:
    """As far as the settings look: the code is good, and the files are there."""
    code = (folder / "code").read_text().strip()
    redeemed = redeem(session, code, kind="gate", now=datetime.now(UTC))
    assert redeemed.device_id == device
    (folder / "identity").mkdir()
    for name in ("authorities.pem", "device.pem", "device.key", "site-key"):
        (folder / "identity" / name).write_text(redeemed.site_key.hex())


def test_a_card_of_the_box_is_always_the_same() -> None:
    assert plastic_card(BOX, 7) == plastic_card(BOX, 7)
    assert plastic_card(BOX, 7) != plastic_card(BOX, 8)


def test_an_operator_makes_a_school_and_its_director(settings: Settings, session: Session) -> None:
    made = run(settings, "create-school", "los-aromos", "Colegio Los Aromos")
    person = ("create-user", "Ana@Aromos.example", "Ana Soto", "--school", "los-aromos")
    joined = run(settings, *person, "--role", "director", "--password", "correct horse")

    assert made.exit_code == joined.exit_code == 0, made.output + joined.output
    user = session.scalars(select(User)).one()
    assert user.email == "ana@aromos.example"
    assert session.scalars(select(Membership.role)).all() == ["director"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create-school", "Los Aromos", "x"), "slug"),
        (("create-school", "aromos", "x", "--timezone", "Mars/Olympus"), "--timezone"),
    ],
)
def test_a_wrong_argument_is_named(
    settings: Settings, session: Session, arguments: tuple[str, ...], said: str
) -> None:
    result = run(settings, *arguments)

    assert result.exit_code != 0
    assert said in result.output
    assert session.execute(text("SELECT count(*) FROM schools")).scalar() == 0
