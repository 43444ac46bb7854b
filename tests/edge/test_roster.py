"""The roster file: replaced at any time, damaged at any time, never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.roster import RosterFile
from tests.edge.gate import digest, roster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "roster.json"
    path.write_bytes(roster("r1").to_json())
    return path


def loaded(path: Path) -> RosterFile:
    file = RosterFile(path, path.with_name("last-good.json"))
    file.load()
    return file


def replace(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)


def test_a_card_is_found_by_its_digest(path: Path) -> None:
    entry = loaded(path).find(digest(3))

    assert entry is not None
    assert (entry.name, entry.state) == ("Student 3", "active")
    assert loaded(path).find("00" * 16) is None


def test_a_replaced_file_is_used_from_the_next_look_on(path: Path) -> None:
    file = loaded(path)
    replace(path, roster("r2", {3: "revoked"}).to_json())
    assert file.version == "r1"

    file.refresh()

    assert file.version == "r2"
    entry = file.find(digest(3))
    assert entry is not None
    assert entry.state == "revoked"


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"version": "r2"}', b'{"version": "r2", "cards": [{}]}', b"\xff\x00"]
)
def test_a_damaged_file_keeps_the_last_good_one_and_says_so_once(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = loaded(path)
    replace(path, content)
    caplog.clear()

    for _ in range(3):
        file.refresh()

    assert file.version == "r1"
    assert file.find(digest(3)) is not None
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "keeping version r1" in record.getMessage()


def test_a_file_that_vanishes_keeps_the_last_good_one(path: Path) -> None:
    file = loaded(path)
    path.unlink()

    file.refresh()

    assert file.version == "r1"


def test_a_restart_with_a_damaged_file_uses_the_last_good_one(path: Path) -> None:
    loaded(path)
    replace(path, b"{")

    assert loaded(path).version == "r1"


def test_a_new_gate_without_a_roster_knows_nobody_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = loaded(tmp_path / "roster.json")

    assert file.version is None
    assert file.find(digest(1)) is None
    assert "every card will be unknown" in caplog.text


def test_the_first_roster_is_picked_up_when_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "roster.json"
    file = loaded(path)

    replace(path, roster("r1").to_json())
    file.refresh()

    assert file.version == "r1"


def test_no_name_reaches_the_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    loaded(path)

    assert "Student" not in caplog.text
