"""What central writes for the broker, and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy.orm import Session, sessionmaker

from central.identity import authority_service, broker_service, revocation_service
from central.identity.broker_rules import (
    AUTHORITIES,
    LISTS,
    MUTED,
    SERVER,
    Held,
    Wanted,
    due,
    muted,
    version,
)
from central.identity.rules import LIFETIME, LIST_LIFETIME
from central.identity.sealing import Safe
from central.jobs.broker import BrokerFolder, BrokerKeeper
from tests.builders import a_device, a_gate, a_school
from tests.central.keys import Keyed, named
from tests.central.test_identity import SAFE, enrolled

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
WANTED = Wanted("t1", "r1", "1 gates.example")
HELD = Held(WANTED, NOW, NOW + LIFETIME)

SessionAs = Callable[..., Session]


@pytest.mark.parametrize(
    ("wanted", "days", "files"),
    [
        (WANTED, 0, set()),
        (WANTED, 0.9, set()),
        (WANTED, 1, {LISTS}),
        (WANTED, 264, {LISTS}),
        (WANTED, 265, {LISTS, SERVER}),
        (Wanted("t2", "r1", "1 gates.example"), 0, {AUTHORITIES, LISTS}),
        (Wanted("t1", "r2", "1 gates.example"), 0, {LISTS, MUTED}),
        (Wanted("t1", "r1", "2 gates.example"), 0, {SERVER}),
        (Wanted("t1", "r1", "1 other.example"), 0, {SERVER}),
    ],
)
def test_only_what_is_due_is_written(wanted: Wanted, days: float, files: set[str]) -> None:
    assert due(wanted, HELD, NOW + timedelta(days=days)) == files


def test_at_first_everything_is_due() -> None:
    assert due(WANTED, None, NOW) == {AUTHORITIES, LISTS, SERVER, MUTED}


@pytest.mark.parametrize(
    ("held", "restarts"),
    [
        (Held(Wanted("t2", "r1", "1 gates.example"), NOW, HELD.server_expires_at), True),
        (Held(Wanted("t1", "r2", "1 gates.example"), NOW, HELD.server_expires_at), False),
        (Held(WANTED, NOW + timedelta(days=1), HELD.server_expires_at), False),
        (Held(WANTED, NOW, HELD.server_expires_at + timedelta(days=1)), False),
    ],
)
def test_the_broker_is_restarted_for_another_authority_and_for_nothing_else(
    held: Held, restarts: bool
) -> None:
    before, after = version(HELD).split(), version(held).split()

    assert (before[0] != after[0]) is restarts
    assert before != after


def test_who_is_mute_is_denied_every_topic() -> None:
    assert muted(["gate-1", "gate-2"]).splitlines()[:2] == ["user gate-1", "topic deny #"]
    assert muted([]) == ""


def test_what_was_written_is_known_after_a_restart_and_anything_else_is_written_again(
    tmp_path: Path,
) -> None:
    folder = BrokerFolder(tmp_path / "broker")
    assert folder.held() is None

    folder.write(broker_service.Delivery({MUTED: "x"}, HELD))

    assert folder.held() == HELD
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "broker").iterdir()} == {0o600}
    (tmp_path / "broker" / "state.json").write_text(json.dumps({"wanted": 1}))
    assert folder.held() is None


def test_a_folder_that_refuses_is_written_to_when_it_does_no_longer(
    session: Session, session_as: SessionAs, tmp_path: Path
) -> None:
    blocked = tmp_path / "broker"
    blocked.write_text("a file where the folder should be")
    engine = session_as("scheduler").get_bind()
    keeper = BrokerKeeper(
        sessionmaker(engine), Safe("s" * 40), BrokerFolder(blocked), "gates.example"
    )

    keeper.keep()
    blocked.unlink()
    keeper.keep()

    assert named((blocked / SERVER).read_text().partition("-----BEGIN PRIVATE")[0]) == (
        "gates.example"
    )


def test_the_lists_name_whom_the_database_refuses(session: Session, session_as: SessionAs) -> None:
    device = a_device(session, a_gate(session, a_school(session)))
    authority_service.establish(session, SAFE, now=NOW)
    enrolled(session, device, Keyed())
    scheduler = session_as("scheduler")
    first = broker_service.deliver(scheduler, SAFE, "h", None, now=NOW)
    scheduler.commit()
    assert first is not None
    assert broker_service.deliver(scheduler, SAFE, "h", first.held, now=NOW) is None

    revocation_service.revoke(session, device, by=None, reason="lost", now=NOW)
    session.commit()
    second = broker_service.deliver(scheduler, SAFE, "h", first.held, now=NOW)
    scheduler.commit()
    daily = broker_service.deliver(
        scheduler, SAFE, "h", second.held if second else None, now=NOW + timedelta(days=2)
    )

    assert second is not None
    assert set(second.files) == {LISTS, MUTED}
    assert device.id in second.files[MUTED]
    lists = [x509.load_pem_x509_crl(one.files[LISTS].encode()) for one in (first, second)]
    assert [len(list(one)) for one in lists] == [0, 1]
    assert lists[0].last_update_utc < lists[1].last_update_utc < NOW
    assert daily is not None
    assert set(daily.files) == {LISTS}
    again = x509.load_pem_x509_crl(daily.files[LISTS].encode())
    assert again.next_update_utc is not None
    assert again.next_update_utc > NOW + LIST_LIFETIME
