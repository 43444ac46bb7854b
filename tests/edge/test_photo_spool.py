"""Sealed photos on the gate's disk and on their way to central."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from contracts.messages import Card, TapRead
from contracts.photos import LARGEST_JPEG
from contracts.roster import Roster, RosterEntry
from devkit.waiting import wait_until
from edge_agent.backoff import Backoff
from edge_agent.central_link import CentralLink
from edge_agent.device_key import DeviceKey
from edge_agent.photos.desk import DarkRoom, GatePhotos
from edge_agent.photos.sealing import seal
from edge_agent.photos.sender import PhotoSender
from edge_agent.photos.spool import Spool
from edge_agent.photos.store import StoreUnavailable, put
from edge_agent.roster import RosterFile
from edge_agent.settings import CentralSettings
from emulators.gates.picture import picture
from tests.edge.gate import PATIENCE, digest
from tests.edge.photos import PUBLIC, PhotoCentral, opened
from tests.edge.values import SetClock
from tests.edge.website import Asked, Reply, Website, a_key_file

DEVICE = "gate-1"
JPEG = picture("a test")


def name(number: int) -> str:
    return f"{number:032x}"


def sealed(number: int) -> bytes:
    return seal(JPEG, PUBLIC, DEVICE, name(number))


class Cupboard:
    """Whether there is room, as a test says."""

    def __init__(self) -> None:
        self.room = True

    def has_room(self) -> bool:
        return self.room


@pytest.fixture
def cupboard() -> Cupboard:
    return Cupboard()


@pytest.fixture
def spool(tmp_path: Path, cupboard: Cupboard) -> Spool:
    return Spool(tmp_path / "photos", cupboard.has_room)


def drained(spool: Spool) -> list[str]:
    found = []
    while (oldest := spool.oldest()) is not None:
        found.append(oldest.id)
        spool.forget(oldest)
    return found


def test_the_disk_holds_what_central_alone_can_open(spool: Spool) -> None:
    spool.put(name(1), sealed(1))

    kept = spool.oldest()
    assert kept is not None
    content = spool.read(kept)
    assert content is not None
    assert JPEG[:50] not in content
    assert opened(content, DEVICE, name(1)) == JPEG
    with pytest.raises(InvalidTag):
        opened(content, DEVICE, name(2))


def test_photos_are_kept_in_order_and_over_a_restart(tmp_path: Path, spool: Spool) -> None:
    for number in (3, 1, 2):
        spool.put(name(number), sealed(number))

    again = Spool(tmp_path / "photos", lambda: True)

    assert drained(again) == [name(3), name(1), name(2)]


@pytest.mark.parametrize("limits", [{"most_photos": 2}, {"most_bytes": 2 * len(sealed(1))}])
def test_the_oldest_go_when_there_are_too_many(tmp_path: Path, limits: dict[str, int]) -> None:
    spool = Spool(tmp_path / "photos", lambda: True, **limits)

    for number in (1, 2, 3):
        spool.put(name(number), sealed(number))

    assert spool.dropped == 1
    assert drained(spool) == [name(2), name(3)]


def test_all_go_when_space_is_short(spool: Spool, cupboard: Cupboard) -> None:
    spool.put(name(1), sealed(1))
    cupboard.room = False

    spool.trim()

    assert spool.depth() == 0


def test_a_photo_that_the_disk_damaged_is_forgotten(spool: Spool) -> None:
    spool.put(name(1), sealed(1))
    kept = spool.oldest()
    assert kept is not None
    kept.path.write_bytes(b"")  # as a power cut leaves it

    assert spool.read(kept) is None
    assert spool.depth() == 0


def test_a_disk_that_refuses_costs_the_photo_only(tmp_path: Path) -> None:
    (tmp_path / "photos").write_bytes(b"")  # no folder

    spool = Spool(tmp_path / "photos", lambda: True)
    spool.put(name(1), sealed(1))

    assert spool.oldest() is None


@pytest.mark.parametrize(
    ("entry", "verdict", "may", "photographed"),
    [
        (RosterEntry("Ana P.", "active", photo=True), "accepted", True, True),
        (RosterEntry("Ana P.", "active", photo=False), "accepted", True, False),
        (RosterEntry("Ana P.", "active", photo=True), "accepted", False, False),
        (RosterEntry("Ana P.", "revoked", photo=True), "revoked", True, False),
        (None, "unknown", True, False),
    ],
)
def test_only_who_consented_and_was_let_in_is_photographed(
    entry: RosterEntry | None, verdict: str, may: bool, photographed: bool
) -> None:
    now = SetClock()()
    card = Card("token", digest(1))
    tap = TapRead(1, now.at, now.clock, now.boot, now.up_ms, "entrada", card, verdict)

    named = GatePhotos(lambda: may, lambda _: None).named(tap, entry)

    assert (named.photo is not None) == photographed


@pytest.mark.parametrize(
    ("jpeg", "key", "kept"),
    [
        (JPEG, PUBLIC.hex(), True),
        (JPEG, None, False),
        (bytes(LARGEST_JPEG + 1), PUBLIC.hex(), False),
    ],
)
def test_only_a_small_photo_that_can_be_sealed_is_kept(
    tmp_path: Path, spool: Spool, jpeg: bytes, key: str | None, kept: bool
) -> None:
    roster = RosterFile(tmp_path / "roster.json", tmp_path / "last-good.json")
    roster.adopt(Roster("v1", {}, photo_key=key).to_json())
    told: list[bool] = []

    DarkRoom(DEVICE, roster, spool, lambda: told.append(True)).keep(name(1), jpeg)

    assert (spool.depth(), told) == ((1, [True]) if kept else (0, []))


class Line:
    """A sender at a website that stands for central."""

    def __init__(self, folder: Path, spool: Spool, port: int) -> None:
        clock = SetClock()
        key = DeviceKey.from_file(DEVICE, a_key_file(folder))
        central = CentralSettings("127.0.0.1", port, False, folder / "device.key")
        self.taps_wait = False
        self.sender = PhotoSender(
            CentralLink(central, key, clock),
            spool,
            lambda: not self.taps_wait,
            lambda address, content: put(address, content, clock),
            Backoff(0.02, 0.05),
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self.sender.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            self.sender.ask()
            thread.join()


def test_photos_arrive_and_are_forgotten(tmp_path: Path, spool: Spool) -> None:
    central = PhotoCentral()
    for number in (1, 2):
        spool.put(name(number), sealed(number))

    with Website(central) as site, Line(tmp_path, spool, site.port).running():
        assert wait_until(lambda: spool.depth() == 0, PATIENCE)

    assert central.sent == [name(1), name(2)]
    assert [opened(central.put[photo], DEVICE, photo) for photo in central.sent] == [JPEG, JPEG]


def test_photos_wait_for_taps(tmp_path: Path, spool: Spool) -> None:
    central = PhotoCentral()
    spool.put(name(1), sealed(1))

    with Website(central) as site:
        line = Line(tmp_path, spool, site.port)
        line.taps_wait = True
        with line.running():
            assert not wait_until(lambda: len(site.asked) > 0, 0.3)
            line.taps_wait = False
            assert wait_until(lambda: spool.depth() == 0, PATIENCE)


def test_a_photo_that_central_has_already_is_not_sent_again(tmp_path: Path, spool: Spool) -> None:
    central = PhotoCentral(sent=[name(1)])
    spool.put(name(1), sealed(1))

    with Website(central) as site, Line(tmp_path, spool, site.port).running():
        assert wait_until(lambda: spool.depth() == 0, PATIENCE)

    assert central.put == {}


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_a_central_that_refuses_for_now_is_asked_again(
    tmp_path: Path, spool: Spool, status: int
) -> None:
    central = PhotoCentral(refusal=status)
    spool.put(name(1), sealed(1))

    with Website(central) as site, Line(tmp_path, spool, site.port).running():
        assert wait_until(lambda: len(site.asked) >= 2, PATIENCE)
        assert spool.depth() == 1
        central.refusal = None
        assert wait_until(lambda: spool.depth() == 0, PATIENCE)

    assert central.sent == [name(1)]


@pytest.mark.parametrize("status", [404, 409, 413, 422])
def test_a_photo_that_central_will_never_take_is_let_go(
    tmp_path: Path, spool: Spool, status: int
) -> None:
    spool.put(name(1), sealed(1))

    with (
        Website(PhotoCentral(refusal=status)) as site,
        Line(tmp_path, spool, site.port).running(),
    ):
        assert wait_until(lambda: spool.depth() == 0, PATIENCE)


def test_a_store_that_refuses_a_photo_is_asked_again_with_a_new_address(
    tmp_path: Path, spool: Spool
) -> None:
    refusing = [True]
    held: list[Asked] = []

    def store(asked: Asked) -> Reply:
        if refusing:
            return Reply(403)
        held.append(asked)
        return Reply(200)

    with Website(store) as shelf:
        central = PhotoCentral(store=f"http://127.0.0.1:{shelf.port}/bucket")
        spool.put(name(1), sealed(1))
        with Website(central) as site, Line(tmp_path, spool, site.port).running():
            assert wait_until(lambda: len(shelf.asked) >= 2, PATIENCE)
            assert spool.depth() == 1
            refusing.clear()
            assert wait_until(lambda: spool.depth() == 0, PATIENCE)

    assert central.sent == [name(1)]
    assert (held[0].path, held[0].token) == (f"/bucket/{name(1)}?signed", "")
    assert opened(held[0].body, DEVICE, name(1)) == JPEG


@pytest.mark.parametrize("address", ["http://store.example/a", "http://127.0.0.1:1/a"])
def test_an_address_in_the_clear_or_of_nobody_is_an_outage(address: str) -> None:
    with pytest.raises(StoreUnavailable):
        put(address, b"sealed", SetClock())
