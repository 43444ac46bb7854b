"""How the agent gets a release from central, and tells what became of it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from contracts.releases import Version
from edge_agent.central_link import CentralLink
from edge_agent.clock import host_clock
from edge_agent.device_key import DeviceKey
from edge_agent.settings import CentralSettings
from edge_agent.updates.fetch import ReleaseFetch
from edge_agent.updates.record import Record, keep_record
from tests.edge.website import Asked, Reply, Website, a_key_file

RELEASE = bytes(range(256)) * 400
SLICE = 30_000


@dataclass
class Office:
    """Central's side: what is offered, and how the line behaves."""

    version: str | None = "1.1.0"
    content: bytes = RELEASE
    cut_after: int | None = None  # slices, until the line breaks
    slices: list[int] = field(default_factory=list)
    reports: int = 0

    def answer(self, asked: Asked) -> Reply:
        path = urlsplit(asked.path)
        if asked.method == "POST":
            self.reports += 1
            return Reply(204)
        if path.path.endswith("/content"):
            return self._slice(int(parse_qs(path.query)["first"][0]))
        if self.version is None:
            return Reply(204)
        digest = hashlib.sha256(RELEASE).hexdigest()
        offer = {"version": self.version, "sha256": digest, "size": len(RELEASE)}
        return Reply(200, json.dumps(offer).encode())

    def _slice(self, first: int) -> Reply:
        if self.cut_after is not None and len(self.slices) >= self.cut_after:
            return Reply(503)
        self.slices.append(first)
        return Reply(200, self.content[first : first + SLICE])


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "update.json"


@pytest.fixture
def fetch(office: Office, inbox: Path, record: Path, tmp_path: Path) -> Iterator[ReleaseFetch]:
    """Of a gate that runs 1.0.0."""
    key = a_key_file(tmp_path)
    with Website(office.answer) as site:
        settings = CentralSettings("127.0.0.1", site.port, False, key)
        link = CentralLink(settings, DeviceKey.from_file("gate-1", key), host_clock)
        yield ReleaseFetch(link, Version(1, 0, 0), inbox, record)
        link.close()


NEVER = threading.Event()


def test_a_newer_version_lands_whole_in_the_inbox(
    fetch: ReleaseFetch, office: Office, inbox: Path
) -> None:
    answered = fetch.look(NEVER)

    assert answered
    assert (inbox / "release.zip").read_bytes() == RELEASE
    assert office.slices == [0, 30_000, 60_000, 90_000]


def test_a_line_that_breaks_is_taken_up_where_it_broke(
    fetch: ReleaseFetch, office: Office, inbox: Path
) -> None:
    office.cut_after = 2
    broke = fetch.look(NEVER)
    office.cut_after = None
    fetch.look(NEVER)

    assert not broke
    assert office.slices == [0, 30_000, 60_000, 90_000]
    assert (inbox / "release.zip").read_bytes() == RELEASE


def test_what_came_damaged_is_fetched_from_the_beginning(
    fetch: ReleaseFetch, office: Office, inbox: Path
) -> None:
    office.content = b"x" + RELEASE[1:]
    damaged = fetch.look(NEVER)
    office.content = RELEASE
    fetch.look(NEVER)

    assert not damaged
    assert (inbox / "release.zip").read_bytes() == RELEASE


@pytest.mark.parametrize("version", [None, "1.0.0", "0.9.0"])
def test_nothing_older_is_fetched(
    fetch: ReleaseFetch, office: Office, inbox: Path, version: str | None
) -> None:
    office.version = version

    assert fetch.look(NEVER)
    assert not (inbox / "release.zip").exists()


@pytest.mark.parametrize(
    "known",
    [
        Record("rolled_back", "1.1.0", "not_online", failed=("1.1.0",)),
        Record("installing", "1.1.0"),
    ],
    ids=["failed here", "being installed"],
)
def test_a_version_that_failed_or_is_on_trial_is_not_fetched_again(
    fetch: ReleaseFetch, inbox: Path, record: Path, known: Record
) -> None:
    keep_record(record, known)

    assert fetch.look(NEVER)
    assert not (inbox / "release.zip").exists()


def test_what_waits_for_the_updater_is_not_fetched_twice(
    fetch: ReleaseFetch, office: Office
) -> None:
    fetch.look(NEVER)
    fetch.look(NEVER)

    assert len(office.slices) == 4


def test_what_became_of_an_update_is_told_once(
    fetch: ReleaseFetch, office: Office, record: Path
) -> None:
    office.version = None
    fetch.look(NEVER)
    before = office.reports
    keep_record(record, Record("active", "1.0.0"))
    for _ in range(3):
        fetch.look(NEVER)

    assert (before, office.reports) == (0, 1)


def test_a_file_that_was_refused_is_told_as_the_version_that_was_offered(
    fetch: ReleaseFetch, office: Office, inbox: Path, record: Path
) -> None:
    fetch.look(NEVER)
    (inbox / "release.zip").unlink()  # the updater took it away
    keep_record(record, Record("refused", None, "wrong_signature"))
    office.version = None

    fetch.look(NEVER)

    assert json.loads((inbox / "memory.json").read_bytes())["told"] == {
        "version": "1.1.0",
        "state": "refused",
        "reason": "wrong_signature",
    }
    assert office.reports == 1


def test_a_stop_ends_a_download_between_two_slices(
    fetch: ReleaseFetch, office: Office, inbox: Path
) -> None:
    stopped = threading.Event()
    stopped.set()

    fetch.look(stopped)

    assert office.slices == []
    assert not (inbox / "release.zip").exists()


@pytest.mark.parametrize(
    "offer", [b"{}", b"[]", b'{"version": "1.1.0", "sha256": "no", "size": 1}', b"\xff"]
)
def test_an_offer_of_no_use_is_no_offer(
    inbox: Path, record: Path, tmp_path: Path, offer: bytes
) -> None:
    key = a_key_file(tmp_path)
    with Website(lambda _: Reply(200, offer)) as site:
        settings = CentralSettings("127.0.0.1", site.port, False, key)
        link = CentralLink(settings, DeviceKey.from_file("gate-1", key), host_clock)
        answered = ReleaseFetch(link, Version(1, 0, 0), inbox, record).look(NEVER)
        link.close()

    assert not answered
