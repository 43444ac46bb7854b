"""Messages that cannot be stored, or read: whatever one holds, its neighbours are stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from central.attendance.models import AttendanceDay, Tap
from central.devices.models import Device, Stream
from central.ingest.database import Database, DatabaseUnavailable
from central.ingest.reading import Received
from central.settings import Settings
from contracts import topics
from contracts.messages import DeviceStatus, Health, Receipt, TapBatch, TapRead
from tests.builders import MORNING, a_tap
from tests.central.recording import SmallSchool, a_small_school, count, quarantined

POISON = rb'{"version":1,"agent":"a","errors":{"a":"\ud800","b":"\u0000"}}'
STATUS = DeviceStatus(online=True, session=1, version="1.0", at=MORNING).to_json()
HEALTH = Health(
    at=MORNING,
    clock="synced",
    queue_depth=0,
    oldest_unsent_s=0,
    disk_free_mb=9,
    reader_resets=0,
    camera_resets=0,
).to_json()
REPORT = b'{"version":1,"agent":"1.0"}'
ANSWER = b'{"id":"c-1","ok":true}'
ANCHOR = json.dumps({"boot": "b", "offset_ms": 1, "at": MORNING.isoformat()}).encode()


@pytest.fixture
def place(session: Session) -> SmallSchool:
    return a_small_school(session)


@pytest.fixture
def store(settings: Settings, place: SmallSchool) -> Iterator[Database]:
    database = Database(settings.database_url_for("ingest"))
    yield database
    database.close()


def taps(device: str, *sent: TapRead, stream: str = "s1") -> Received:
    return Received(topics.taps(device), TapBatch(stream, sent).to_json())


def raw_taps(device: str, *sent: Any, **fields: Any) -> Received:
    return Received(
        topics.taps(device), json.dumps({"stream": "s1", "taps": sent, **fields}).encode()
    )


@pytest.fixture
def refusing(session: Session) -> Iterator[Session]:
    """The database refuses taps of the reader ``bad``, as a value that nobody thought of.

    ``bad-`` and an SQLSTATE: with that error.
    """
    for statement in (
        "CREATE FUNCTION refuse_bad() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.reader LIKE 'bad%' THEN RAISE EXCEPTION USING"
        " ERRCODE = CASE NEW.reader WHEN 'bad' THEN '22003' ELSE substr(NEW.reader, 5) END;"
        " END IF; RETURN NEW; END $$",
        "CREATE TRIGGER refuse_bad BEFORE INSERT ON taps"
        " FOR EACH ROW EXECUTE FUNCTION refuse_bad()",
    ):
        session.execute(text(statement))
    session.commit()
    yield session
    session.rollback()
    session.execute(text("DROP FUNCTION refuse_bad CASCADE"))
    session.commit()


def reasons(session: Session) -> list[str]:
    return [kept.reason for kept in quarantined(session)]


def test_a_malformed_tap_is_set_apart_and_its_neighbours_are_stored(
    session: Session, store: Database, place: SmallSchool
) -> None:
    bad = a_tap(2).wire() | {"clock": "maybe"}
    message = raw_taps(place.gate, a_tap(1).wire(), bad, a_tap(3).wire())

    first = store.store([message, message])
    again = store.store([message])

    assert first.receipts == again.receipts == ((place.gate, Receipt("s1", 3)),)
    assert set(session.scalars(select(Tap.seq))) == {1, 3}
    (kept,) = quarantined(session)
    assert (kept.device_id, kept.school_id) == (place.gate, place.school.id)
    assert json.loads(kept.payload) == {"stream": "s1", "taps": [bad]}


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        pytest.param("taps", TapBatch("s1", (a_tap(1),)).to_json(), id="taps"),
        pytest.param("status", STATUS, id="status"),
        pytest.param("health", HEALTH, id="health"),
        pytest.param("anchor", ANCHOR, id="anchor"),
        pytest.param("reported", REPORT, id="report"),
        pytest.param("answer", ANSWER, id="answer"),
        pytest.param("reported", POISON, id="poison"),
    ],
)
@pytest.mark.parametrize("sender", ["unknown", "revoked"])
def test_what_a_device_says_that_is_not_ours_is_set_apart(
    session: Session, store: Database, place: SmallSchool, sender: str, name: str, payload: bytes
) -> None:
    device = "stranger" if sender == "unknown" else place.exit
    session.execute(
        text("UPDATE devices SET revoked_at = now() WHERE id = :id"), {"id": place.exit}
    )
    session.commit()
    before = session.execute(text("SELECT d.* FROM devices d WHERE id = :id"), {"id": place.exit})
    as_it_was = before.all()
    session.commit()

    recorded = store.store(
        [Received(f"gate/v1/{device}/up/{name}", payload), taps(place.gate, a_tap(1))]
    )

    assert recorded.receipts == ((place.gate, Receipt("s1", 1)),)
    (kept,) = quarantined(session)
    assert (kept.device_id, kept.reason) == (device, "device: unknown or revoked")
    after = session.execute(text("SELECT d.* FROM devices d WHERE id = :id"), {"id": place.exit})
    assert after.all() == as_it_was
    assert count(session, Tap) == count(session, Stream) == 1
    assert session.scalar(text("SELECT count(*) FROM device_health")) == 0


def test_what_a_newer_device_adds_does_not_keep_its_taps_out(
    session: Session, store: Database, place: SmallSchool
) -> None:
    newer = a_tap(1).wire() | {"mood": "\0\ud800", "card": a_tap(1).card.wire() | {"f": [1]}}

    recorded = store.store([raw_taps(place.gate, newer, compressed=None, v={"minor": 7})])

    assert recorded.receipts == ((place.gate, Receipt("s1", 1)),)
    assert count(session, Tap) == 1
    assert quarantined(session) == []


def test_a_report_that_is_no_text_is_stored_beside_its_neighbours(
    session: Session, store: Database, place: SmallSchool
) -> None:
    """Half a letter and a NUL, which neither UTF-8 nor PostgreSQL can hold."""
    recorded = store.store(
        [
            taps(place.gate, a_tap(1)),
            Received(topics.reported(place.gate), POISON),
            taps(place.entrance, a_tap(1)),
        ]
    )

    assert recorded.taps == 2
    reported = session.scalars(select(Device.reported).where(Device.id == place.gate)).one()
    assert reported["errors"] == {"a": "?", "b": " "}
    assert quarantined(session) == []


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        pytest.param("bad", "NumericValueOutOfRange", id="a value"),
        pytest.param("bad-23514", "CheckViolation", id="a constraint"),
        pytest.param("bad-42804", "DatatypeMismatch", id="a type"),
        pytest.param("bad-54000", "ProgramLimitExceeded", id="a limit, which is no outage"),
    ],
)
def test_a_message_that_cannot_be_stored_is_set_apart_and_its_neighbours_are_stored(
    refusing: Session, store: Database, place: SmallSchool, reader: str, reason: str
) -> None:
    poison = taps(place.gate, a_tap(2), a_tap(3, reader=reader))
    batch = [
        taps(place.gate, a_tap(1)),
        poison,
        taps(place.gate, a_tap(4)),
        taps(place.entrance, a_tap(1)),
        Received(topics.status(place.gate), STATUS),
    ]

    first = store.store(batch)
    again = store.store(batch)

    # No receipt covers the taps that are set apart: the device keeps them until they can be stored.
    receipts = {(place.gate, Receipt("s1", 1, ((2, 3),))), (place.entrance, Receipt("s1", 1))}
    assert (set(first.receipts), len(first.receipts)) == (receipts, 2)
    assert set(again.receipts) == receipts
    assert (first.taps, again.taps) == (3, 0)
    (kept,) = quarantined(refusing)
    assert kept.reason == f"cannot be stored: {reason}"
    assert (kept.payload, kept.school_id) == (poison.payload, place.school.id)
    assert refusing.scalars(select(Device.session).where(Device.id == place.gate)).one() == 1


def test_what_could_not_be_stored_is_stored_once_it_can_be(
    refusing: Session, store: Database, place: SmallSchool
) -> None:
    poison = taps(place.gate, a_tap(1, reader="bad"))
    held_back = store.store([poison])
    refusing.execute(text("ALTER TABLE taps DISABLE TRIGGER refuse_bad"))
    refusing.commit()

    recorded = store.store([poison])

    assert held_back.receipts == ()
    assert reasons(refusing) == ["cannot be stored: NumericValueOutOfRange"]
    assert recorded.receipts == ((place.gate, Receipt("s1", 1)),)
    assert count(refusing, Tap) == 1


def test_one_device_cannot_stop_ingest_however_much_it_sends(
    refusing: Session, store: Database, place: SmallSchool
) -> None:
    store.store([taps(place.gate, a_tap(seq, reader="bad")) for seq in range(1, 21)])

    assert len(quarantined(refusing)) == 20
    assert count(refusing, Tap) == 0


def test_when_nothing_of_several_devices_can_be_stored_it_is_not_their_fault(
    refusing: Session, store: Database, place: SmallSchool
) -> None:
    good_taps = [taps(device, a_tap(1, reader="bad")) for device in (place.gate, place.entrance)]

    with pytest.raises(DBAPIError):
        store.store(good_taps)

    assert quarantined(refusing) == []
    assert count(refusing, Stream) == 0


@pytest.mark.parametrize("state", ["57014", "53200", "40P01", "08006"])
def test_an_outage_sets_nothing_apart(
    refusing: Session, store: Database, place: SmallSchool, state: str
) -> None:
    batch = [taps(place.entrance, a_tap(1)), taps(place.gate, a_tap(1, reader=f"bad-{state}"))]

    with pytest.raises(DatabaseUnavailable):
        store.store(batch)

    assert quarantined(refusing) == []
    assert count(refusing, Tap) == 0


def test_an_outage_while_messages_are_stored_one_by_one_sets_nothing_apart(
    refusing: Session, store: Database, place: SmallSchool
) -> None:
    batch = [
        taps(place.entrance, a_tap(1)),
        taps(place.gate, a_tap(1, reader="bad")),
        taps(place.exit, a_tap(1, reader="bad-57014")),
    ]

    with pytest.raises(DatabaseUnavailable):
        store.store(batch)

    assert quarantined(refusing) == []


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"version":' + b"9" * 5000 + b"}", id="a number without end"),
        pytest.param(b'{"stream":"s1","taps":[' + b"[" * 900 + b"]" * 900 + b"]}", id="nested"),
        pytest.param(b'{"version":1,"agent":"a","errors":{"a":1e999}}', id="infinite"),
        pytest.param(
            b'{"id":"c-1","ok":true,"result":{"a":' + b"[" * 900 + b"]" * 900 + b"}}", id="result"
        ),
        pytest.param(
            b'{"version":1,"agent":"a","errors":{"a":' + b"[" * 900 + b"]" * 900 + b"}}",
            id="errors",
        ),
    ],
)
@pytest.mark.parametrize("name", ["taps", "status", "health", "anchor", "reported", "answer"])
def test_whatever_a_message_holds_its_neighbours_are_stored(
    session: Session, store: Database, place: SmallSchool, name: str, payload: bytes
) -> None:
    recorded = store.store(
        [Received(f"gate/v1/{place.gate}/up/{name}", payload), taps(place.entrance, a_tap(1))]
    )

    assert (place.entrance, Receipt("s1", 1)) in recorded.receipts
    assert count(session, AttendanceDay) == 1
